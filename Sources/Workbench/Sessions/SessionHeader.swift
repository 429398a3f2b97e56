package import TerminalUI

/// What a session is: a record of work, or a lesson with narration and tasks.
package enum SessionKind: String, Hashable, Sendable, Codable {
  case session
  case lesson
}

/// The first line of a session file.
///
/// `{"nibble":"session","format":3,"program":"0.1.0","size":{"width":100,"height":30},"theme":"dark",…}`
package struct SessionHeader: Hashable, Sendable, Codable {
  /// The format that this program writes and reads.
  package static let currentFormat = 3
  /// The format before, in which keys were other letters.
  package static let formerFormat = 2

  /// Always `session`; tells the file apart from other JSON lines.
  package var nibble: String
  package var format: Int
  /// The version of the program that wrote it.
  package var program: String
  package var size: Size
  package var theme: String
  package var title: String
  package var kind: SessionKind
  /// A BCP 47 code: `en`, `ko`.
  package var language: String
  /// When the program began, UTC, ISO 8601; nil in files that do not say.
  package var began: String?

  package init(
    program: String, size: Size, theme: String, title: String, kind: SessionKind = .session,
    language: String = "en", began: String? = nil
  ) {
    nibble = "session"
    format = Self.currentFormat
    self.program = program
    self.size = size
    self.theme = theme
    self.title = title
    self.kind = kind
    self.language = language
    self.began = began
  }
}
