import Wording

/// What can go wrong in a job beyond what the parts below report; each case carries its evidence.
package enum EngineError: Error, Hashable, Sendable {
  case noModel(job: String)
  case nothingQuantized(job: String)
  case noSuchCell(map: Int, row: Int, column: Int)
  case textUnreadable(path: String, reason: String)
  case textTooShort(text: String, tokens: Int, needed: Int)
  case notText(model: String)
  case unknownRun(name: String, known: [String])
  case badRun(path: String, reason: String)
  case badOutput(path: String, reason: String)
  case badFile(path: String, reason: String)
  case noWitness(program: String, reason: String)
  case formatCannotHold(format: String, reason: String)
  case unknownFormat(name: String, known: [String])
  case unknownMachine(name: String, known: [String])
  case cannotExport(what: String, reason: String)
  case quantizingEnded(reason: String, kept: String)
  /// The files of the open model are not what they were.
  case weightsChanged(reason: String)
  /// Blocks that cannot be quantized by themselves now.
  case badBlocks(expected: String, found: String)
  case unfinishedRun(folder: String, done: Int, of: Int)
  case diskTooSmall(path: String, needed: Int, free: Int)
  case tooFewWindows(found: Int, needed: Int)
  case badShape(field: String, expected: String, found: String)
  case badLayer(item: String, expected: String, found: String)
  case nothingToAllocate(reason: String)
  case budgetTooSmall(bits: Double, lowest: Double)
  case cacheTooLarge(needed: Int, free: Int)
  case cannotPlant(model: String, reason: String)
  case cannotRotate(model: String, reason: String)
  case cannotTransform(model: String, reason: String)
  case badBatch(option: String, expected: String, found: String)
  case cannotBatch(model: String, reason: String)
  case batchTooLarge(needed: Int, free: Int)
  case noCounterpart(
    candidate: String, base: String, what: String, expected: String, found: String)
  case nothingToCompare(model: String)
  case unknownForm(name: String, known: [String])
  case implausibleMachine(problem: String, tries: Int)
  case nothingToResume(path: String)
  case unknownRuntime(name: String, known: [String])
  case badReceipt(path: String, reason: String)
  case otherContent(what: String, expected: String, found: String)
  case nothingToSave
  case badTraffic(option: String, expected: String, found: String)
  case cannotServe(form: String, machine: String, ways: Int, needed: Double, found: Double)
}

extension EngineError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .implausibleMachine(let problem, let tries):
      "this machine could not be measured, in \(tries) tries: \(problem) (measure again when less runs on it, or plan for a "
        + "described one)"
    case .unknownForm(let name, let known):
      "unknown form '\(name)': expected one of \(known.joined(separator: ", "))"
    case .badReceipt(let path, let reason): "\(path) is no receipt: \(reason)"
    case .otherContent(let what, let expected, let found):
      "\(what) are others than those of the receipt: expected SHA-256 \(expected), found \(found)"
    case .nothingToSave:
      "there is nothing to save: quantize, or measure quality or speed, first"
    case .unknownRuntime(let name, let known):
      "unknown runtime '\(name)': expected 'nibble' or a part of one of \(known.joined(separator: ", "))"
    case .nothingToResume(let path):
      "there is nothing to resume: expected what an earlier run with the same model, text and settings kept, in "
        + "\(path), found none"
    case .noCounterpart(let candidate, let base, let what, let expected, let found):
      "\(candidate) cannot be held against \(base): \(what): expected \(expected), found \(found)"
    case .nothingToCompare(let model):
      "\(model) is open by itself: expected a model that it is held against (--against)"
    case .noModel(let job): "\(job) needs an open model: load one first"
    case .nothingQuantized(let job): "\(job) needs a quantized model: quantize first"
    case .noSuchCell(let map, let row, let column):
      "there is no cell at row \(row), column \(column) of map \(map)"
    case .textUnreadable(let path, let reason): "\(path): expected a text in UTF-8, \(reason)"
    case .textTooShort(let text, let tokens, let needed):
      "\(text) holds \(tokens) tokens: expected at least \(needed), one calibration window (choose "
        + "shorter windows or a longer text)"
    case .notText(let model):
      "\(model) has no tokenizer: expected tokenizer.json or tokenizer.model next to its weights, or a "
        + "known one in the metadata of a GGUF file"
    case .unknownRun(let name, let known):
      "there is no run '\(name)': expected "
        + (known.isEmpty ? "none, the workspace is empty" : known.joined(separator: ", "))
    case .badRun(let path, let reason): "\(path) is no run of this program: \(reason)"
    case .noWitness(let program, let reason): "\(program) cannot testify: \(reason)"
    case .badOutput(let path, let reason):
      "\(path): expected a path where nothing is, or an empty directory; \(reason), nothing was overwritten"
    case .badFile(let path, let reason):
      "\(path): expected a path where nothing is; \(reason), nothing was overwritten"
    case .formatCannotHold(let format, let reason): "\(format) cannot hold the recipe: \(reason)"
    case .unknownFormat(let name, let known):
      "unknown export format '\(name)': expected one of \(known.joined(separator: ", "))"
    case .unknownMachine(let name, let known):
      "unknown machine '\(name)': expected 'this' or one of \(known.joined(separator: ", "))"
    case .cannotExport(let what, let reason): "cannot export \(what): \(reason)"
    case .quantizingEnded(let reason, let kept): "\(reason); \(kept)"
    case .weightsChanged(let reason):
      "\(reason): nothing that was measured of it counts; open the model again"
    case .unfinishedRun(let folder, let done, let of):
      "\(folder) keeps an unfinished run, \(done) of \(of) blocks: resume it, or remove that folder to "
        + "start over"
    case .badBlocks(let expected, let found): "--blocks: expected \(expected), found \(found)"
    case .diskTooSmall(let path, let needed, let free):
      "\(path): expected \(Quantity.bytes(needed)) of free disk for finished blocks, live activations "
        + "and the result, found \(Quantity.bytes(free))"
    case .tooFewWindows(let found, let needed):
      "a survey needs \(needed) calibration windows or more, a part of them to measure on: found \(found)"
    case .badShape(let field, let expected, let found):
      "no model has this shape: \(field): expected \(expected), found \(found)"
    case .badLayer(let item, let expected, let found):
      "\(item) of the layer: expected \(expected), found \(found)"
    case .nothingToAllocate(let reason): "a budget of bits cannot be spent: \(reason)"
    case .budgetTooSmall(let bits, let lowest):
      "a budget of \(Quantity.fixed(bits, 2)) bits a weight is too small: the narrowest layers take "
        + "\(Quantity.fixed(lowest, 2)), scales included"
    case .cacheTooLarge(let needed, let free):
      "filling the caches takes \(Quantity.bytes(needed)): expected that much free memory, found "
        + "\(Quantity.bytes(free)) (choose a shorter context or fewer bits)"
    case .cannotPlant(let model, let reason):
      "outliers cannot be planted in \(model): \(reason)"
    case .cannotTransform(let model, let reason):
      "\(model) cannot be brought to the transforms of the recipe: \(reason)"
    case .cannotRotate(let model, let reason):
      "the residual stream of \(model) cannot be rotated: \(reason)"
    case .badBatch(let option, let expected, let found):
      "\(option): expected \(expected), found \(found)"
    case .cannotBatch(let model, let reason):
      "\(model) cannot be put into forms: \(reason)"
    case .badTraffic(let option, let expected, let found):
      "\(option): expected \(expected), found \(found)"
    case .cannotServe(let form, let machine, let ways, let needed, let found):
      "\(form) leaves no room for a cache on \(ways > 1 ? "\(ways) x " : "")\(machine): weights and activations take "
        + "\(Quantity.bytes(needed)), expected less than \(Quantity.bytes(found)) (split it among more machines, or "
        + "quantize its weights)"
    case .batchTooLarge(let needed, let free):
      "forms and caches take \(Quantity.bytes(needed)): expected that much free memory, found "
        + "\(Quantity.bytes(free)) (choose fewer forms, smaller batches or a shorter depth)"
    }
  }
}
