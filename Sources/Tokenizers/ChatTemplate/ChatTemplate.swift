package import Platform

/// The text that a model was trained to see a conversation as: a template in Jinja, filled in with messages.
///
/// The language is the part of Jinja 3.1 that templates of public models use, set up as `transformers` does; whatever
/// else stands in a template is refused, with its line, when it is read. Reference: https://jinja.palletsprojects.com.
package struct ChatTemplate: Sendable {
  /// A moment for `strftime_now`, in local time.
  package struct Moment: Equatable, Sendable {
    package var year: Int
    /// From 1.
    package var month: Int
    package var day: Int
    package var hour: Int
    package var minute: Int
    package var second: Int
    /// 0 is Sunday.
    package var weekday: Int
    /// From 1.
    package var dayOfYear: Int

    package init(
      year: Int, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Int = 0,
      weekday: Int = 0, dayOfYear: Int = 1
    ) {
      self.year = year
      self.month = month
      self.day = day
      self.hour = hour
      self.minute = minute
      self.second = second
      self.weekday = weekday
      self.dayOfYear = dayOfYear
    }
  }

  /// A template longer than this is none.
  private static let longest = 1 << 20

  private let statements: [TemplateStatement]

  /// Reads a template.
  ///
  /// - Throws: `ChatTemplateError` with the line.
  package init(_ text: String) throws(ChatTemplateError) {
    guard text.utf8.count <= Self.longest else { throw .limit("\(Self.longest) bytes of template") }
    statements = try TemplateParser.parse(text)
  }

  /// The text for `variables`: `messages`, `tools`, `add_generation_prompt`, `bos_token` and so on.
  ///
  /// - Throws: `ChatTemplateError`, also where the template itself refuses its messages.
  package func render(
    _ variables: JSONObject, now: Moment
  ) throws(ChatTemplateError) -> String {
    var interpreter = TemplateInterpreter(now: now)
    for member in variables.members {
      interpreter.assign(member.name, TemplateValue(member.value))
    }
    return try interpreter.run(statements)
  }
}

extension Tokenizer {
  /// The text that this tokenizer's chat template makes of `messages`, or nil where it has none.
  ///
  /// - Parameters:
  ///   - messages: objects with `role` and `content`, as JSON.
  ///   - addGenerationPrompt: whether the text ends where an answer begins.
  ///   - more: further variables, such as `tools` or `enable_thinking`.
  /// - Throws: `ChatTemplateError`.
  package func chatText(
    _ messages: [JSONValue], addGenerationPrompt: Bool, more: JSONObject = JSONObject(),
    now: ChatTemplate.Moment
  ) throws(ChatTemplateError) -> String? {
    guard let source = templates.standard else { return nil }
    var variables = more
    variables.set("messages", .array(messages))
    variables.set("add_generation_prompt", .bool(addGenerationPrompt))
    for (name, id) in [("bos_token", bosID), ("eos_token", eosID)] where variables[name] == nil {
      if let token = id.flatMap(token(for:)) { variables.set(name, .string(token)) }
    }
    return try ChatTemplate(source).render(variables, now: now)
  }
}
