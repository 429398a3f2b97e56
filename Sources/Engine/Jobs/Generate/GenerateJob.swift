import Evaluation
package import Models
import Quantization
import Tokenizers

/// Continues a prompt, or answers a conversation, with the open model, quantized or not; the text comes as it is made.
package struct GenerateJob: Job {
  package var prompt: Prompt
  /// Tokens generated at most.
  package var tokens: Int
  package var sampling: SamplingOptions

  package init(prompt: Prompt, tokens: Int, sampling: SamplingOptions) {
    self.prompt = prompt
    self.tokens = tokens
    self.sampling = sampling
  }

  package static let name = "generate"
  package static let staleAfter: Set<Change> = [.modelOpened, .modelChanged, .quantized]

  package var title: String { "Generating" }
  package var words: String { "generate a text" }

  /// - Throws: `EngineError.noModel`, `.notText`; `ModelError.invalidSampling`, `.contextExceeded`; what the chat template
  ///   refuses.
  package func run(
    in laboratory: Laboratory, reporting reporter: JobReporter<String>
  ) throws -> GenerationReport {
    let held = try laboratory.openModel(for: "generating")
    guard let tokenizer = held.tokenizer else {
      throw EngineError.notText(model: held.summary.name)
    }
    let ids = try prompt.ids(for: tokenizer, model: held.summary.name)
    let subject = laboratory.subject(held)
    let generator = try Generator(
      subject.model, cache: subject.model.makeCache(subject.cache),
      context: laboratory.makeContext(), sampling: sampling)
    if let end = tokenizer.eosID { generator.stopTokens.insert(end) }
    var decoder = StreamingDecoder(tokenizer)
    var text = ""
    func tell(_ piece: String) {
      guard !piece.isEmpty else { return }
      text += piece
      reporter.tell(piece)
    }
    let made = try generator.generate(prompt: ids, maximum: tokens) { token in
      try reporter.checkpoint()
      tell(decoder.append(token))
      return true
    }
    tell(decoder.finish())
    return GenerationReport(
      model: held.summary.label, recipe: subject.name, promptTokens: ids.count, text: text,
      tokens: made.tokens, ending: made.ending, promptSeconds: made.promptSeconds,
      decodeSeconds: made.decodeSeconds)
  }
}

/// A text that a model made.
package struct GenerationReport: Hashable, Sendable, Codable {
  package var model: String
  package var recipe: String
  package var promptTokens: Int
  /// Without the prompt and without the token that ended it.
  package var text: String
  package var tokens: [Int32]
  package var ending: Generator.Ending
  /// Until the first token was chosen.
  package var promptSeconds: Double
  /// For the tokens after the first.
  package var decodeSeconds: Double

  /// Tokens a second after the first; nil where there are none.
  package var decodeRate: Double? {
    tokens.count > 1 && decodeSeconds > 0 ? Double(tokens.count - 1) / decodeSeconds : nil
  }
}
