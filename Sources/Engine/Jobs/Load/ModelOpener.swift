import Checkpoints
import DemoModel
import FoundationEssentials
import Models
import Platform
import Tensors
import Tokenizers

/// Opens models by their paths, one mechanism for all that holds one.
struct ModelOpener {
  let locator: ResourceLocator
  let reporter: JobReporter<Never>

  /// Opens what `path` holds, the built-in model for nil or `built-in`.
  ///
  /// - Throws: what was expected, found and where, for any file that is not as it should be.
  func open(_ path: String?) throws -> OpenedModel {
    let path = path == DemoPath.name ? nil : path
    let stored = try StoredModel(path: path ?? DemoModel(locator: locator).directory)
    var opened: OpenedModel
    switch stored {
    case .gguf(let file): opened = try gguf(file)
    case .directory(let directory): opened = try self.directory(directory)
    }
    if path == nil {
      opened.summary.name = DemoModel.name
      opened.summary.path = DemoPath.name
    }
    try reporter.checkpoint()
    if let tokenizer = try tokenizer(stored, &opened.summary) {
      opened.tokenizer = try fitted(tokenizer, to: opened.weights.configuration)
    }
    return opened
  }

  private func gguf(_ file: GGUFFile) throws -> OpenedModel {
    let model = try Model.load(gguf: file)
    return OpenedModel(
      stored: .gguf(file), summary: try ModelSummary(model, .gguf(file)), weights: model,
      model: model)
  }

  private func directory(_ directory: ModelDirectory) throws -> OpenedModel {
    let config = try QuantizedLayouts.completed(
      ConfigFile(path: directory.path(of: "config.json")), in: directory)
    let configuration = try ModelConfiguration(config, of: Checkpoint(path: directory.path))
    if let layout = try QuantizedLayouts.open(Checkpoint(path: directory.path), config: config) {
      return try ArtifactReader(
        directory: directory, config: config, layout: layout, configuration: configuration,
        reporter: reporter
      ).read()
    }
    let model = try Model.load(directory: directory.path)
    if configuration.tiedEmbeddings, !model.configuration.tiedEmbeddings {
      reporter.log(
        "\(config.path) says tie_word_embeddings, but \(model.frame.head) is stored and is not the embedding "
          + "table: the stored head is used.")
    }
    return OpenedModel(
      stored: .directory(directory), summary: try ModelSummary(model, .directory(directory)),
      weights: model, model: model)
  }

  // MARK: Tokenizer

  /// The tokenizer next to the weights or among the metadata; nil where there is none that can be used, with the reason
  /// in the summary.
  private func tokenizer(
    _ stored: StoredModel, _ summary: inout ModelSummary
  ) throws -> Tokenizer? {
    summary.tokenizer = "none"
    let tokenizer: Tokenizer
    switch stored {
    case .directory(let directory):
      guard ["tokenizer.json", "tokenizer.model"].contains(where: directory.has) else {
        return nil
      }
      tokenizer = try Tokenizer.load(directory: directory.path)
    case .gguf(let file):
      do {
        tokenizer = try file.tokenizer()
      } catch let error where Self.isUnsupported(error) {
        summary.tokenizer = "none that can be used"
        reporter.log("The tokenizer cannot be used: \(error)")
        return nil
      }
    }
    summary.tokenizer = "\(tokenizer.vocabularySize) tokens"
    return tokenizer
  }

  /// Whether a tokenizer is sound as far as is known, and only not built here, or not there at all.
  static func isUnsupported(_ error: any Error) -> Bool {
    switch error {
    case TokenizerError.unsupported, CheckpointError.missing: true
    default: false
    }
  }

  private func fitted(
    _ tokenizer: Tokenizer, to configuration: ModelConfiguration
  ) throws -> Tokenizer {
    let fitted = try tokenizer.fitted(vocabularySize: configuration.vocabularySize)
    let beyond = tokenizer.addedTokens(beyond: configuration.vocabularySize)
    if !beyond.isEmpty {
      reporter.log(
        "\(beyond.count) added token\(beyond.count == 1 ? " has" : "s have") no row in the embedding "
          + "(\(beyond.prefix(8).map { "\($0)" }.joined(separator: ", "))): a text that holds one is refused."
      )
    }
    return fitted.replacing(bosID: configuration.beginToken)
  }
}
