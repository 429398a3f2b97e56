import Checkpoints
import FoundationEssentials
import Models
import Operators
import Platform
import Quantization
import Tensors

/// Runs the calibration text through the model in full precision and writes what the inputs of its layers count: an
/// importance matrix, as llama-imatrix writes it.
package struct ImportanceJob: Job {
  package var path: String
  package var calibration: CalibrationOptions

  package init(path: String, calibration: CalibrationOptions) {
    self.path = path
    self.calibration = calibration
  }

  package static let name = "importance"
  package static let staleAfter: Set<Change> = [.modelOpened, .modelChanged]

  package var title: String { "Measuring what inputs count" }
  package var words: String { "measure what inputs count" }
  package func news(of report: ImportanceReport) -> String? {
    "Importance matrix written to \(report.path)"
  }

  /// Whether a file can be put at a path, asked before the text is run.
  ///
  /// - Throws: `EngineError.badFile`.
  package static func check(path: String) throws {
    let isThere = FileManager.default.fileExists(atPath: path)
    let reason = OutputPlace.obstacle(at: path) ?? (isThere ? "a directory exists already" : nil)
    if let reason { throw EngineError.badFile(path: path, reason: reason) }
  }

  /// - Throws: `EngineError.badFile`, `.cannotExport` for a family that GGUF files are not written of.
  package func run(
    in laboratory: Laboratory, reporting reporter: JobReporter<Never>
  ) throws -> ImportanceReport {
    try Self.check(path: path)
    let held = try laboratory.openModel(for: "measuring what inputs count")
    let facts = try ModelFacts(held)
    let type = held.model.configuration.modelType
    guard let places = GGUFTensorPlaces(modelType: type, facts: facts) else {
      throw EngineError.cannotExport(
        what: held.summary.name,
        reason: "importance matrices are written of the families that GGUF files are written of ("
          + GGUFArchitecture.writtenTypes.joined(separator: ", ") + "), found \(type)")
    }
    let text = try laboratory.calibrationText(held, calibration)
    let start = Machine.seconds()
    let blocks = held.model.blocks.count
    let inputs = try ImportanceProbe(
      held.model, windows: text.windows, context: laboratory.makeContext()
    ).run(pause: reporter.checkpoint) { done, share in
      reporter.progress(
        "inputs of block \(done + 1) of \(blocks)", done: done, of: blocks, unit: "blocks",
        since: start, share: share)
    }
    let name = calibration.text ?? "the built-in calibration text"
    var matrix = ImportanceMatrix(
      path: path, entries: [:], datasets: [name], chunks: text.windows.count,
      chunkSize: text.windows.map(\.count).max() ?? 0)
    for (layer, entry) in inputs {
      guard let place = places[layer + ".weight"] else { continue }
      matrix.take(entry, at: place)
    }
    try matrix.write()
    return ImportanceReport(
      path: path, text: name, tensors: matrix.entries.count, windows: text.windows.count,
      tokens: text.tokens, bytes: try MappedFile(path: path).byteCount,
      notes: [CalibrationText.foreign(held, calibration), text.overlap].compactMap(\.self))
  }
}

/// The importance matrix that was written.
package struct ImportanceReport: Hashable, Sendable, Codable {
  package var path: String
  /// The name of the text.
  package var text: String
  package var tensors: Int
  package var windows: Int
  /// Of all windows.
  package var tokens: Int
  package var bytes: Int
  /// What is to be said of the text.
  package var notes: [String]
}
