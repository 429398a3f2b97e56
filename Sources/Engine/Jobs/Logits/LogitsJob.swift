import Checkpoints
import Evaluation
import Models
import Tensors
import Tokenizers

/// The logits of a text under the open model, quantized or not, as a safetensors file, so that anyone can hold them against
/// another program's.
///
/// The text is read in one pass from an empty cache, through the kernels and the cache that are timed. The file holds `ids`,
/// int32 `[tokens]`, and `logits`, float32 `[tokens, vocabulary]`: row `t` scores the token after `t`.
package struct LogitsJob: Job {
  package var prompt: Prompt
  /// Tokens read at most; nil for the whole text, as far as the context goes.
  package var tokens: Int?
  /// The file to write.
  package var path: String

  package init(prompt: Prompt, tokens: Int?, path: String) {
    self.prompt = prompt
    self.tokens = tokens
    self.path = path
  }

  package static let name = "logits"
  package static let staleAfter: Set<Change> = [.modelOpened, .modelChanged, .quantized]

  package var title: String { "Scoring a text" }
  package var words: String { "write the logits of a text" }
  package func news(of report: LogitsReport) -> String? { "Logits written to \(report.path)" }

  /// Tokens whose logits are held at a time.
  private static let step = 128

  /// - Throws: `EngineError.noModel`, `.notText`; `CheckpointError` where the file cannot be written.
  package func run(
    in laboratory: Laboratory, reporting reporter: JobReporter<Never>
  ) throws -> LogitsReport {
    let held = try laboratory.openModel(for: "scoring a text")
    guard let tokenizer = held.tokenizer else {
      throw EngineError.notText(model: held.summary.name)
    }
    let whole = try prompt.ids(for: tokenizer, model: held.summary.name)
    let ids = Array(whole.prefix(min(tokens ?? .max, held.summary.shape.context)))
    let subject = laboratory.subject(held)
    let vocabulary = subject.model.configuration.vocabularySize
    let writer = try SafetensorsWriter(
      path: path,
      entries: [
        .init(name: "ids", dtype: .i32, shape: Shape(checking: [ids.count])),
        .init(name: "logits", dtype: .f32, shape: Shape(checking: [ids.count, vocabulary])),
      ], metadata: ["model": held.summary.label, "recipe": subject.name])
    try writer.write("ids", ids)
    let cache = try subject.model.makeCache(subject.cache)
    let context = try laboratory.makeContext()
    let logits = Logits()
    let start = reporter.start
    for first in stride(from: 0, to: ids.count, by: Self.step) {
      try reporter.checkpoint()
      let part = Array(ids[first..<min(first + Self.step, ids.count)])
      try subject.model.forward(
        tokens: part, cache: cache, context: context, logits: .all, into: logits)
      for row in 0..<part.count {
        try writer.write("logits", UnsafeRawBufferPointer(logits[row]))
      }
      reporter.progress(
        "scoring", done: first + part.count, of: ids.count, unit: "tokens", since: start)
    }
    try writer.commit()
    return LogitsReport(
      model: held.summary.label, recipe: subject.name, path: path, tokens: ids.count,
      leftOut: whole.count - ids.count, vocabulary: vocabulary)
  }
}

/// What was written.
package struct LogitsReport: Hashable, Sendable, Codable {
  package var model: String
  package var recipe: String
  package var path: String
  package var tokens: Int
  /// Tokens of the text that were not read.
  package var leftOut: Int
  package var vocabulary: Int
}
