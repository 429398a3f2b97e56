import DemoModel
package import Evaluation
import Models
import Operators
import Platform
import Quantization
import Tensors
import Tokenizers

/// Continues a prompt with baseline and quantized model.
package struct ContinueJob: Job {
  package var prompt: String
  /// Tokens generated at most.
  package var tokens: Int

  package init(prompt: String, tokens: Int) {
    self.prompt = prompt
    self.tokens = tokens
  }

  package static let name = "continue"
  package static let staleAfter: Set<Change> = [.modelOpened, .modelChanged, .quantized]

  package var title: String { "Continuing the prompt" }
  package var words: String { "continue a prompt, FP and quantized" }

  package func run(
    in laboratory: Laboratory, reporting reporter: JobReporter<Never>
  ) throws -> ContinuationReport {
    let held = try laboratory.openModel(for: "continuing a prompt")
    guard let tokenizer = held.tokenizer else {
      throw EngineError.notText(model: held.summary.name)
    }
    let ids = try Prompt(text: prompt).ids(for: tokenizer, model: held.summary.name)
    let start = Machine.seconds()
    reporter.progress("generating", done: 0, of: 2, unit: "texts", since: start)
    let made = try ContinuationMeasure(
      subject: laboratory.subject(held),
      baseline: laboratory.baseline(held),
      context: try laboratory.makeContext()
    ).run(
      prompt: ids, tokens: min(max(1, tokens), held.summary.shape.context - 1),
      stops: Set(held.model.configuration.endTokens), checkpoint: reporter.checkpoint)
    let expected = tokenizer.decode(made.baseline)
    let found = tokenizer.decode(made.subject)
    let differs = zip(made.baseline, made.subject).enumerated().first { $0.1.0 != $0.1.1 }?.offset
    let shorter = min(made.baseline.count, made.subject.count)
    return ContinuationReport(
      prompt: prompt, baseline: expected, quantized: found,
      firstDivergence: differs
        ?? (made.baseline.count == made.subject.count ? nil : shorter),
      commonCharacters: zip(expected, found).prefix { $0 == $1 }.count,
      tokens: max(made.baseline.count, made.subject.count))
  }
}
