import Checkpoints
import DemoModel
import FoundationEssentials
import Models
import Operators
import Platform
import Quantization
import Tensors
import Tokenizers

/// Opens a model and makes it the one that jobs work on.
package struct LoadJob: Job {
  /// A directory; nil for the built-in model.
  package var path: String?

  package init(path: String?) { self.path = path }

  package static let name = "load"
  package static let staleAfter: Set<Change> = [.modelOpened]
  package static var changes: Change? { .modelOpened }

  package var title: String { "Opening \(path ?? "the built-in model")" }
  package var words: String { "open \(path ?? "the built-in model")" }
  package func news(of summary: ModelSummary) -> String? { "Opened \(summary.name)" }

  /// - Throws: what was expected, found and where, for any file that is not as it should be.
  package func run(
    in laboratory: Laboratory, reporting reporter: JobReporter<Never>
  ) throws -> ModelSummary {
    let start = Machine.seconds()
    let directory = try path ?? DemoModel(locator: laboratory.locator).directory
    let configPath = try ModelDirectory(path: directory).path(of: "config.json")
    let config = try QuantizedLayouts.completed(
      ConfigFile(path: configPath), in: ModelDirectory(path: directory))
    let configuration = try ModelConfiguration(config)
    reporter.progress(
      "reading \(path ?? "the built-in model")", done: 0, of: 2, unit: "parts", since: start)
    var bench: Laboratory.Bench
    if let layout = try QuantizedLayouts.open(Checkpoint(path: directory), config: config) {
      bench = try ArtifactReader(
        directory: directory, config: config, layout: layout, configuration: configuration,
        locator: laboratory.locator
      ).read(reporter)
    } else {
      let model = try Model.load(directory: directory)
      if configuration.tiedEmbeddings, !model.configuration.tiedEmbeddings {
        reporter.log(
          "\(configPath) says tie_word_embeddings, but \(model.frame.head) is stored and is not the embedding "
            + "table: the stored head is used.")
      }
      bench = Laboratory.Bench(
        directory: directory, isBuiltIn: path == nil,
        summary: try ModelSummary(model, directory: directory, isBuiltIn: path == nil),
        model: model)
    }
    reporter.progress("reading the tokenizer", done: 1, of: 2, unit: "parts", since: start)
    try reporter.checkpoint()
    if Self.hasTokenizer(directory) {
      let tokenizer = try Tokenizer.load(directory: directory)
      let fitted = try tokenizer.fitted(vocabularySize: configuration.vocabularySize)
      let beyond = tokenizer.addedTokens(beyond: configuration.vocabularySize)
      if !beyond.isEmpty {
        reporter.log(
          "\(beyond.count) added token\(beyond.count == 1 ? " has" : "s have") no row in the embedding "
            + "(\(beyond.prefix(8).map { "\($0)" }.joined(separator: ", "))): a text that holds one is refused."
        )
      }
      bench.tokenizer = fitted.replacing(bosID: configuration.beginToken)
      bench.summary.tokenizer = "\(tokenizer.vocabularySize) tokens"
    } else {
      bench.summary.tokenizer = "none"
    }
    bench.openSeconds = Machine.seconds() - start
    laboratory.hold(bench)
    return bench.summary
  }

  private static func hasTokenizer(_ directory: String) -> Bool {
    ["tokenizer.json", "tokenizer.model"].contains {
      FileManager.default.fileExists(atPath: directory + "/" + $0)
    }
  }
}
