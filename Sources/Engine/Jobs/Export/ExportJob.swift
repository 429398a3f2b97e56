import Models
import Operators
import Platform

/// Writes the quantized model to a new directory.
package struct ExportJob: Job {
  package var path: String
  /// The name of an export format.
  package var format: String

  package init(path: String, format: String) {
    self.path = path
    self.format = format
  }

  package static let name = "export"
  package static let staleAfter: Set<Change> = [.modelOpened, .modelChanged, .quantized]

  package var title: String { "Writing the model" }
  package var words: String { "write the model" }
  package func news(of artifact: ExportedArtifact) -> String? { "Written: \(artifact.path)" }

  package func run(
    in laboratory: Laboratory, reporting reporter: JobReporter<Never>
  ) throws -> ExportedArtifact {
    let held = try laboratory.openModel(for: "writing a model")
    guard let quantized = held.quantized else {
      throw EngineError.nothingQuantized(job: "writing a model")
    }
    let writer = try ArtifactWriter(held: held, quantized: quantized, format: format)
    try reporter.checkpoint()
    reporter.progress(
      "writing \(path)", done: 0, of: 1, unit: "directory", since: Machine.seconds())
    return ExportedArtifact(path: path, bytes: try writer.write(to: path, telling: reporter.log))
  }
}

/// Where a quantized model was written.
package struct ExportedArtifact: Hashable, Sendable, Codable {
  package var path: String
  package var bytes: Int

  package init(path: String, bytes: Int) {
    self.path = path
    self.bytes = bytes
  }
}

extension Laboratory {
  /// Whether the open model can be written once it is quantized: asked before any work begins.
  ///
  /// - Throws: `EngineError.noModel`, `.unknownFormat`, `.cannotExport` with the reason.
  package func checkExport(format: String) throws {
    try ArtifactWriter.check(openModel(for: "writing a model"), format: format)
  }
}
