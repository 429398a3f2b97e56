import Models
import Tokenizers

/// The ids of a text under the open model's tokenizer, so that anyone can hold them against another program's.
package struct TokensJob: Job {
  package var prompt: Prompt

  package init(prompt: Prompt) { self.prompt = prompt }

  package static let name = "tokens"
  package static let isHeavy = false
  package static let staleAfter: Set<Change> = [.modelOpened]

  package var title: String { "Tokenizing" }
  package var words: String { "tokenize a text" }

  /// - Throws: `EngineError.noModel`, `.notText`; what the chat template or the tokenizer refuses.
  package func run(
    in laboratory: Laboratory, reporting reporter: JobReporter<Never>
  ) throws -> TokensReport {
    let held = try laboratory.openModel(for: "tokenizing")
    guard let tokenizer = held.tokenizer else {
      throw EngineError.notText(model: held.summary.name)
    }
    let ids = try prompt.ids(for: tokenizer, model: held.summary.name)
    return TokensReport(
      model: held.summary.name, text: try prompt.text(for: tokenizer, model: held.summary.name),
      ids: ids, tokens: ids.map { tokenizer.token(for: $0) ?? "" })
  }
}

/// A text and its tokens.
package struct TokensReport: Hashable, Sendable, Codable {
  package var model: String
  /// What the tokenizer saw: the text, or the messages in the words of the chat template.
  package var text: String
  package var ids: [Int32]
  /// Each as the vocabulary spells it.
  package var tokens: [String]
}
