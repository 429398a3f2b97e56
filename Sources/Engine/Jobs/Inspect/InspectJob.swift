import Checkpoints
import Models
import Tokenizers

/// Tells what a model is without making it the open one; of a GGUF file from its header alone.
package struct InspectJob: Job {
  /// A directory or a GGUF file; nil for the built-in model.
  package var path: String?
  /// Whether every tensor is listed.
  package var listsTensors: Bool

  package init(path: String?, listsTensors: Bool = false) {
    self.path = path
    self.listsTensors = listsTensors
  }

  package static let name = "inspect"
  package static let readsWeights = false
  package static let staleAfter: Set<Change> = [.modelOpened]

  package var title: String { "Looking at \(path ?? "the built-in model")" }
  package var words: String { "look at \(path ?? "the built-in model")" }

  /// - Throws: what was expected, found and where, for any file that is not as it should be.
  package func run(
    in laboratory: Laboratory, reporting reporter: JobReporter<Never>
  ) throws -> InspectReport {
    if let path, case .gguf(let file) = try StoredModel(path: path) {
      var summary = try ModelSummary(headerOf: file)
      summary.tokenizer = Self.tokenizer(file)
      return InspectReport(
        summary: summary, tensors: listsTensors ? StoredTypes.tensors(of: file) : nil)
    }
    let opened = try ModelOpener(locator: laboratory.locator, reporter: reporter).open(path)
    return InspectReport(
      summary: opened.summary, tensors: listsTensors ? StoredTypes.tensors(of: opened.weights) : nil
    )
  }

  /// What the metadata says of the tokenizer, which is not made.
  private static func tokenizer(_ file: GGUFFile) -> String {
    guard let tokens = file["tokenizer.ggml.tokens"]?.array?.count,
      let model = file["tokenizer.ggml.model"]?.text
    else { return "none" }
    let pre = file["tokenizer.ggml.pre"]?.text
    return "\(tokens) tokens (\(model)\(pre.map { ", \($0)" } ?? ""))"
  }
}

/// What a model is, and its tensors where they were asked for.
package struct InspectReport: Hashable, Sendable, Codable {
  package var summary: ModelSummary
  package var tensors: [StoredTypes.Tensor]?
}
