import Glibc
import Platform
import Tokenizers

/// A text for a model to read: as it is, or as messages that the model's own chat template puts into words.
package struct Prompt: Hashable, Sendable, Codable {
  /// One message of a conversation.
  package struct Message: Hashable, Sendable, Codable {
    /// `system`, `user`, `assistant`, or what else the template knows.
    package var role: String
    package var content: String

    package init(role: String, content: String) {
      self.role = role
      self.content = content
    }
  }

  package var text: String
  /// Goes through the chat template; empty for plain text.
  package var messages: [Message]
  /// Whether a plain text gets the special tokens that the tokenizer puts around one.
  package var hasSpecialTokens: Bool

  /// A plain text.
  package init(text: String, hasSpecialTokens: Bool = true) {
    self.text = text
    messages = []
    self.hasSpecialTokens = hasSpecialTokens
  }

  /// A conversation that the model is to answer.
  package init(messages: [Message]) {
    text = ""
    self.messages = messages
    hasSpecialTokens = false
  }

  /// Messages from a JSON text: an array of objects with `role` and `content`, or an object with such an array under
  /// `messages`.
  ///
  /// - Parameter file: what errors call it.
  /// - Throws: `PlatformError.invalidJSON`; `PromptError` that says which message is not one.
  package static func messages(json: [UInt8], file: String) throws -> Prompt {
    let value: JSONValue
    do {
      value = try StrictJSON.parse(json)
    } catch {
      throw PromptError(file: file, place: "text", expected: "JSON", found: "\(error)")
    }
    guard let list = value.array ?? value.object?["messages"]?.array, !list.isEmpty else {
      throw PromptError(
        file: file, place: "messages",
        expected: "an array of messages, or an object that holds one",
        found: value.kind)
    }
    return Prompt(
      messages: try list.enumerated().map { index, item in
        guard let role = item.object?["role"]?.string,
          let content = item.object?["content"]?.string
        else {
          throw PromptError(
            file: file, place: "message \(index + 1)",
            expected: "an object with the strings role and content", found: item.kind)
        }
        return Message(role: role, content: content)
      })
  }

  /// The text that the tokenizer sees.
  ///
  /// - Throws: `ChatTemplateError`; `PromptError` where the model has no template.
  func text(for tokenizer: Tokenizer, model: String) throws -> String {
    guard !messages.isEmpty else { return text }
    let values = messages.map { message in
      var object = JSONObject()
      object.append("role", .string(message.role))
      object.append("content", .string(message.content))
      return JSONValue.object(object)
    }
    guard
      let text = try tokenizer.chatText(values, addGenerationPrompt: true, now: .now)
    else {
      throw PromptError(
        file: model, place: "chat template", expected: "one, to put messages into words",
        found: "none")
    }
    return text
  }

  /// The ids that the model reads.
  ///
  /// - Throws: as `text(for:model:)`, and for a text that makes no token.
  func ids(for tokenizer: Tokenizer, model: String) throws -> [Int32] {
    let text = try text(for: tokenizer, model: model)
    let ids = try tokenizer.encode(text, addSpecialTokens: messages.isEmpty && hasSpecialTokens)
    guard !ids.isEmpty else {
      throw PromptError(
        file: "the prompt", place: "text", expected: "one token or more", found: nil)
    }
    return ids
  }
}

/// What is wrong with a prompt.
package struct PromptError: Error, Hashable, Sendable, CustomStringConvertible {
  package var file: String
  package var place: String
  package var expected: String
  /// nil for nothing.
  package var found: String?

  package var description: String {
    "\(file), \(place): expected \(expected), found \(found ?? "none")"
  }
}

extension ChatTemplate.Moment {
  /// Now, in local time.
  fileprivate static var now: ChatTemplate.Moment {
    var seconds = time(nil)
    var parts = tm()
    localtime_r(&seconds, &parts)
    return ChatTemplate.Moment(
      year: Int(parts.tm_year) + 1900, month: Int(parts.tm_mon) + 1, day: Int(parts.tm_mday),
      hour: Int(parts.tm_hour), minute: Int(parts.tm_min), second: Int(parts.tm_sec),
      weekday: Int(parts.tm_wday), dayOfYear: Int(parts.tm_yday) + 1)
  }
}
