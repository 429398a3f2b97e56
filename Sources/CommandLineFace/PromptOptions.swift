import ArgumentParser
import Engine
import FoundationEssentials

/// What a model is given to read.
struct PromptOptions: ParsableArguments {
  @Option(help: "The text itself.")
  var prompt: String?

  @Option(help: "A file with the text.")
  var file: String?

  @Option(
    help: "A JSON file with messages, objects with role and content, for the model's chat template."
  )
  var messages: String?

  @Flag(help: "Put the text through the model's chat template, as one message of the user.")
  var chat = false

  @Flag(
    name: .customLong("no-special"),
    help: "Leave out the special tokens that the tokenizer puts around a plain text.")
  var noSpecial = false

  func validate() throws {
    let given = [prompt, file, messages].compactMap(\.self).count
    guard given == 1 else {
      throw ValidationError(
        "expected one of --prompt, --file and --messages, found \(given == 0 ? "none" : "\(given)")"
      )
    }
    if messages != nil, chat {
      throw ValidationError("--chat: expected none with --messages, which go through the template")
    }
  }

  /// What these options say.
  ///
  /// - Throws: `CommandFailure` for a file that cannot be read; `PromptError` for one that holds no messages.
  func parsed() throws -> Prompt {
    if let messages { return try Prompt.messages(json: Self.bytes(of: messages), file: messages) }
    var text = prompt ?? ""
    if let file {
      guard let read = String(validating: try Self.bytes(of: file), as: UTF8.self) else {
        throw CommandFailure(message: "\(file): expected a text in UTF-8")
      }
      text = read
    }
    return chat
      ? Prompt(messages: [Prompt.Message(role: "user", content: text)])
      : Prompt(text: text, hasSpecialTokens: !noSpecial)
  }

  private static func bytes(of path: String) throws -> [UInt8] {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw CommandFailure(message: "\(path): expected a file that can be read")
    }
    return [UInt8](data)
  }
}
