import DemoModel
import FoundationEssentials
import Models
import Operators
import Platform
package import Quantization
import Tensors
import Tokenizers

/// Quantizes the open model by a recipe and keeps the result for the jobs that follow.
package struct QuantizeJob: Job {
  package var recipe: Recipe
  package var calibration: CalibrationOptions
  package var keeping: Keeping
  /// Whether each layer's output is compared with the original's on the calibration text; else a text is read only where
  /// a method looks at one, and layers are compared by their weights.
  package var compares: Bool

  package init(
    recipe: Recipe, calibration: CalibrationOptions, keeping: Keeping, compares: Bool = true
  ) {
    self.recipe = recipe
    self.calibration = calibration
    self.keeping = keeping
    self.compares = compares
  }

  package static let name = "quantize"
  package static let staleAfter: Set<Change> = [.modelOpened, .modelChanged]
  package static var changes: Change? { .quantized }

  package var title: String { "Quantizing: \(recipe)" }
  package var words: String { "quantize: \(recipe)" }
  package func news(of report: QuantizeReport) -> String? { "Quantized: \(report.recipe)" }

  /// A layer that is done, with its errors.
  package typealias Part = LayerReport

  package static let keptParts = 16_384

  /// Models whose linear layers take more than this are gone through with one block in memory.
  private static let streamedBytes = 512 << 20
  /// A run that is expected to take longer keeps its finished blocks without being asked.
  static let keptSeconds = 20.0

  /// Whether packed copies and mapped pages of a block are given back when it is done.
  static func releasesBlocks(of model: Model) -> Bool { model.linearBytes > streamedBytes }

  package func run(
    in laboratory: Laboratory, reporting reporter: JobReporter<LayerReport>
  ) throws -> QuantizeReport {
    try run(in: laboratory, reporting: reporter, until: nil)
  }

  /// Thrown when as many blocks are done as were asked for, and more are left.
  struct Reached: Error {}

  /// - Parameter end: blocks after which it ends with `Reached`; nil for all.
  func run(
    in laboratory: Laboratory, reporting reporter: JobReporter<LayerReport>, until end: Int?
  ) throws -> QuantizeReport {
    var notes: [String] = []
    let (held, recipe) = try laboratory.openModel(
      for: "quantizing", as: recipe, pause: reporter.checkpoint
    ) { notes.append($0) }
    let watch = MemoryWatch()
    let text = try text(held, recipe, laboratory)
    let windows = text?.windows ?? []
    if let text { notes += try remarks(on: text, held, recipe, reporter) }
    for note in notes { reporter.log("Note: \(note).") }
    let store = try store(laboratory, held, recipe, windows, reporter)
    let quantizer = try quantizer(of: held.model, recipe, windows, laboratory)
    let blocks = held.model.blocks.count
    let start = Machine.seconds()
    var since = start
    var (done, resumed) = (0, 0)
    func progress(_ phase: String, share: Double? = nil) {
      reporter.progress(
        phase, done: done, of: blocks, unit: "blocks", since: since, share: share, before: resumed,
        work: (Double(done - resumed) + (share ?? 0)) * Double(text?.tokens ?? 0),
        rateUnit: "tokens/s",
        jobBytes: watch?.peakBytes)
    }
    let outcome: Quantizer.Outcome
    do {
      outcome = try quantizer.run(
        held.model, keeping: store, pause: { try Self.pause(reporter, done: done, until: end) }
      ) { event in
        switch event {
        case .resumed(let count):
          resumed = count
          since = Machine.seconds()
          reporter.log("Continues after block \(count) of \(blocks).")
        case .note(let words):
          notes.append(words)
          reporter.log("Note: \(words).")
        case .layer(let layer): Self.tell(layer, reporter)
        case .step(let block, let what, _):
          progress("block \(block + 1) of \(blocks): \(what)")
        case .block(let count, let total):
          done = count
          progress(count < total ? "block \(count + 1) of \(total)" : "all \(total) blocks")
        }
      }
    } catch {
      throw ended(by: error, store, done: done, reporter)
    }
    var report = report(
      outcome, recipe, held, seconds: Machine.seconds() - start,
      resumed: resumed > 0 ? resumed : nil, notes: notes)
    report.jobBytes = watch?.peakBytes
    keep(outcome, recipe, report, windows, in: laboratory)
    // What is mapped from the folder stays readable; when quantizing is done there is nothing to go on with.
    if case .automatic = keeping { try store?.remove() }
    return report
  }

  private func quantizer(
    of model: Model, _ recipe: Recipe, _ windows: [[Int32]], _ laboratory: Laboratory
  ) throws -> Quantizer {
    Quantizer(
      recipe: recipe, context: try laboratory.makeContext(), calibration: windows,
      releasesBlocks: Self.releasesBlocks(of: model), compares: compares)
  }

  /// Called between units of work.
  private static func pause(_ reporter: JobReporter<Part>, done: Int, until end: Int?) throws {
    try reporter.checkpoint()
    if let end, done >= end { throw Reached() }
  }

  private static func tell(_ layer: LayerReport, _ reporter: JobReporter<Part>) {
    reporter.tell(layer)
    guard let reason = layer.fallback else { return }
    reporter.log("block \(layer.block) \(layer.projection): \(reason)")
  }

  /// Tells which windows are taken, and yields what is to be said of them.
  private func remarks(
    on text: CalibrationText, _ held: Laboratory.OpenModel, _ recipe: Recipe,
    _ reporter: JobReporter<Part>
  ) throws -> [String] {
    reporter.log(
      "\(text.windows.count) windows of \(text.windows[0].count) tokens, seed \(calibration.seed), from "
        + (calibration.text ?? "the built-in calibration text"))
    guard try recipe.calibrates() else { return [] }
    return [CalibrationText.foreign(held, calibration), text.overlap].compactMap(\.self)
  }

  /// The calibration text; nil where nobody looks at one.
  private func text(
    _ held: Laboratory.OpenModel, _ recipe: Recipe, _ laboratory: Laboratory
  ) throws -> CalibrationText? {
    guard try compares || recipe.calibrates() else { return nil }
    return try laboratory.calibrationText(held, calibration)
  }

  private func keep(
    _ outcome: Quantizer.Outcome, _ recipe: Recipe, _ report: QuantizeReport,
    _ windows: [[Int32]], in laboratory: Laboratory
  ) {
    let made = Laboratory.Quantized(
      recipe: recipe, model: outcome.model, cache: outcome.cache, report: report,
      blocks: outcome.blocks, sample: windows.first ?? [],
      calibration: windows.isEmpty ? nil : .init(calibration, windows: windows))
    laboratory.update { $0.quantized = made }
  }

  /// - Parameter recipe: with the transforms that the model has.
  private func report(
    _ outcome: Quantizer.Outcome, _ recipe: Recipe, _ held: Laboratory.OpenModel, seconds: Double,
    resumed: Int?, notes: [String]
  ) -> QuantizeReport {
    let shape = held.summary.shape
    var report = QuantizeReport(
      recipe: recipe, seconds: seconds, peakResidentBytes: Machine.peakResidentBytes() ?? 0,
      outputBytes: outcome.model.weightBytes, baselineBytes: held.model.weightBytes,
      kvBytesPerToken: shape.kvBytesPerToken(outcome.cache),
      baselineKVBytesPerToken: shape.kvBytesPerToken(.fp16), layers: outcome.layers,
      maps: ErrorMaps(outcome, recipe: recipe, comparesWeights: !compares).all,
      resumedBlocks: resumed, comparesWeights: compares ? nil : true,
      notes: notes.isEmpty ? nil : notes)
    report.model = held.summary.label
    return report
  }

  /// What is thrown for a run that ended early: where its blocks are kept is told too.
  private func ended(
    by error: any Error, _ store: QuantizationCheckpoint?, done: Int, _ reporter: JobReporter<Part>
  ) -> any Error {
    guard !(error is Reached), let store,
      let kept = QuantizationCheckpoint.progress(in: store.folder),
      done > 0 || !(error is QuantizationError)
    else { return error }
    let words =
      "\(kept.done) of \(kept.of) blocks are kept in \(store.folder); a run with the same settings "
      + "that resumes goes on from there"
    if error is JobControl.Cancelled {
      reporter.log(words)
      return error
    }
    return EngineError.quantizingEnded(reason: "\(error)", kept: words)
  }

  /// Where finished blocks go; nil when they are not kept.
  ///
  /// - Throws: `EngineError.unfinishedRun`, `.diskTooSmall`, and what opening the folder throws.
  private func store(
    _ laboratory: Laboratory, _ held: Laboratory.OpenModel, _ recipe: Recipe, _ windows: [[Int32]],
    _ reporter: JobReporter<Part>
  ) throws -> QuantizationCheckpoint? {
    let identity = try RunIdentity(
      recipe: recipe, held: held, calibration: calibration, windows: windows, compares: compares,
      laboratory: laboratory)
    let preflight = try laboratory.preflight(
      recipe, held, windows.map(\.count), keeping: keeping)
    for warning in preflight.warnings { reporter.log("Note: \(warning).") }
    if held.model.linears.contains(where: { !held.model[$0].weight.format.isFloat }) {
      reporter.log(
        "Note: the weights are stored quantized (\(held.summary.baseline.storedAs ?? "")); the values they stand for are "
          + "taken for full precision.")
    }
    let folder: String
    var written = preflight.artifactBytes
    switch keeping {
    case .nothing: return nil
    case .automatic:
      guard preflight.seconds > Self.keptSeconds, let data = laboratory.locator.dataFolder else {
        return nil
      }
      folder = data + "/unfinished/" + identity.identity.digest
      written = 0
    case .folder(let path, let resumes, let writes):
      if let kept = QuantizationCheckpoint.progress(in: path), !resumes {
        throw EngineError.unfinishedRun(folder: path, done: kept.done, of: kept.of)
      }
      folder = path
      written = writes ?? written
    }
    reporter.log("Expected: \(preflight.summary).")
    let needed = preflight.keptBytes + written
    if QuantizationCheckpoint.progress(in: folder) == nil,
      let free = Machine.diskAvailable(at: folder), free < needed
    {
      throw EngineError.diskTooSmall(path: folder, needed: needed, free: free)
    }
    return try QuantizationCheckpoint(folder: folder, identity: identity.identity)
  }
}
