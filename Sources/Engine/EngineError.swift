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
  case outputExists(path: String)
  case unknownFormat(name: String, known: [String])
  case unknownMachine(name: String, known: [String])
  case cannotExport(what: String, reason: String)
}

extension EngineError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .noModel(let job): "\(job) needs an open model: load one first"
    case .nothingQuantized(let job): "\(job) needs a quantized model: quantize first"
    case .noSuchCell(let map, let row, let column):
      "there is no cell at row \(row), column \(column) of map \(map)"
    case .textUnreadable(let path, let reason): "\(path): expected a text in UTF-8, \(reason)"
    case .textTooShort(let text, let tokens, let needed):
      "\(text) holds \(tokens) tokens: expected at least \(needed), one calibration window (choose "
        + "shorter windows or a longer text)"
    case .notText(let model):
      "\(model) has no tokenizer: expected tokenizer.json or tokenizer.model beside its weights"
    case .unknownRun(let name, let known):
      "there is no run '\(name)': expected "
        + (known.isEmpty ? "none, the workspace is empty" : known.joined(separator: ", "))
    case .badRun(let path, let reason): "\(path) is no run of this program: \(reason)"
    case .outputExists(let path):
      "\(path) exists already: choose another name, nothing was overwritten"
    case .unknownFormat(let name, let known):
      "unknown export format '\(name)': expected one of \(known.joined(separator: ", "))"
    case .unknownMachine(let name, let known):
      "unknown machine '\(name)': expected 'this' or one of \(known.joined(separator: ", "))"
    case .cannotExport(let what, let reason): "cannot export \(what): \(reason)"
    }
  }
}
