/// What keeps a chat template from being read or filled in, and where.
package enum ChatTemplateError: Error, Equatable, Sendable {
  /// The text is no template of the language.
  case syntax(line: Int, expected: String, found: String)
  /// Something that exists in Jinja, but that is not executed here.
  case unsupported(line: Int, construct: String)
  /// An operation on a value that has none such.
  case evaluation(line: Int, String)
  /// The template itself refuses its messages (`raise_exception`), in its own words.
  case refused(String)
  /// Filling in takes more than is allowed.
  case limit(String)
}

extension ChatTemplateError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .syntax(let line, let expected, let found):
      "chat template, line \(line): expected \(expected), found \(found)"
    case .unsupported(let line, let construct):
      "chat template, line \(line): not executable here: \(construct)"
    case .evaluation(let line, let words):
      "chat template, line \(line): \(words)"
    case .refused(let words):
      "the chat template refuses the messages: \(words)"
    case .limit(let words):
      "chat template: expected at most \(words), found more"
    }
  }
}
