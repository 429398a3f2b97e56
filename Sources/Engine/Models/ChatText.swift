import Platform
import Tokenizers

/// Conversations of a file, one a line, put into words by the model's own chat template.
///
/// A line of JSON is an array of messages, or an object that holds one under `messages`; blank lines are passed over.
struct ChatText {
  let path: String
  let tokenizer: Tokenizer
  let model: String

  /// The date that templates are told: always the same, so that a text makes the same tokens on any day.
  private static let moment = ChatTemplate.Moment(
    year: 2025, month: 1, day: 1, hour: 0, minute: 0, second: 0, weekday: 3, dayOfYear: 1)

  /// One stream, conversation after conversation.
  ///
  /// - Throws: `EngineError.textUnreadable`; `PromptError` naming file, line and field; `ChatTemplateError` for what the
  ///   template does not take, with the line.
  func source() throws -> TextSource {
    var ids: [Int32] = []
    let text = try TextSource.read(path)
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
    where !line.allSatisfy(\.isWhitespace) {
      ids += try tokens(of: messages(Array(line.utf8), line: index + 1), line: index + 1)
    }
    guard !ids.isEmpty else {
      throw EngineError.textUnreadable(path: path, reason: "found no conversation")
    }
    let name = path.split(separator: "/").last.map(String.init) ?? path
    return TextSource(name: "\(name) (chat)", ids: ids)
  }

  private func wrong(
    _ line: Int, _ field: String, _ expected: String, _ found: String?
  ) -> PromptError {
    PromptError(
      file: path, place: "line \(line)" + (field.isEmpty ? "" : ", \(field)"), expected: expected,
      found: found)
  }

  private func messages(_ line: [UInt8], line number: Int) throws -> [JSONValue] {
    let value: JSONValue
    do {
      value = try StrictJSON.parse(line)
    } catch {
      throw wrong(number, "", "JSON", "\(error)")
    }
    guard let list = value.array ?? value.object?["messages"]?.array, !list.isEmpty else {
      throw wrong(
        number, "messages", "an array of messages, or an object that holds one",
        value.object?["messages"]?.kind ?? value.kind)
    }
    for (place, message) in list.enumerated() {
      for field in ["role", "content"] where message.object?[field]?.string == nil {
        throw wrong(
          number, "messages[\(place)].\(field)", "a string",
          message.object.map { $0[field]?.kind ?? "none" } ?? message.kind)
      }
    }
    return list
  }

  private func tokens(of messages: [JSONValue], line: Int) throws -> [Int32] {
    let text: String?
    do {
      text = try tokenizer.chatText(messages, addGenerationPrompt: false, now: Self.moment)
    } catch {
      throw wrong(line, "", "a conversation that the chat template takes", "\(error)")
    }
    guard let text else {
      throw PromptError(
        file: model, place: "chat template", expected: "one, to put messages into words",
        found: "none")
    }
    return try tokenizer.encode(text, addSpecialTokens: false)
  }
}
