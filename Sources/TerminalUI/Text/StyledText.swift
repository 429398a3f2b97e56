import Wording

/// A line of text in which parts have roles of their own: `"error " + .bad("0.14")`.
package struct StyledText: Hashable, Sendable {
  package var spans: [Span]

  package init(_ spans: [Span]) { self.spans = spans }
  package init(_ text: String, _ role: Role = .text) { spans = [Span(text, role)] }

  package static func good(_ text: String) -> StyledText { StyledText(text, .good) }
  package static func warn(_ text: String) -> StyledText { StyledText(text, .warn) }
  package static func bad(_ text: String) -> StyledText { StyledText(text, .bad) }
  package static func dim(_ text: String) -> StyledText { StyledText(text, .dim) }
  package static func strong(_ text: String) -> StyledText { StyledText(text, .strong) }
  package static func accent(_ text: String) -> StyledText { StyledText(text, .accent) }

  /// The text without roles.
  package var plain: String { spans.map(\.text).joined() }
  /// Columns it takes on one line.
  package var width: Int { spans.reduce(0) { $0 + ScalarWidth.of($1.text) } }

  package static func + (left: StyledText, right: StyledText) -> StyledText {
    StyledText(left.spans + right.spans)
  }

  package static func += (left: inout StyledText, right: StyledText) {
    left.spans += right.spans
  }
}

extension StyledText: ExpressibleByStringLiteral, ExpressibleByStringInterpolation {
  package init(stringLiteral value: String) { self.init(value) }
}

/// A piece of text in one role.
package struct Span: Hashable, Sendable {
  package var text: String
  package var role: Role
  package var attributes: Attributes

  package init(_ text: String, _ role: Role = .text, attributes: Attributes = []) {
    self.text = text
    self.role = role
    self.attributes = attributes
  }
}
