extension StyledText {
  /// Reads light markup: `**strong**` and `` `code` ``, which is drawn in the accent colour.
  ///
  /// A mark without its partner stays as it is written.
  package init(markup: String, role: Role = .text) {
    var spans: [Span] = []
    var rest = markup[...]
    while let mark = rest.firstIndex(where: { $0 == "*" || $0 == "`" }) {
      let isCode = rest[mark] == "`"
      let opening = isCode ? "`" : "**"
      guard rest[mark...].hasPrefix(opening) else {
        Self.append(rest[...mark], role, to: &spans)
        rest = rest[rest.index(after: mark)...]
        continue
      }
      let start = rest.index(mark, offsetBy: opening.count)
      guard let end = Self.find(opening, in: rest[start...]), end > start else {
        Self.append(rest[..<start], role, to: &spans)
        rest = rest[start...]
        continue
      }
      Self.append(rest[..<mark], role, to: &spans)
      Self.append(rest[start..<end], isCode ? .accent : .strong, to: &spans)
      rest = rest[rest.index(end, offsetBy: opening.count)...]
    }
    Self.append(rest, role, to: &spans)
    self.init(spans)
  }

  private static func find(_ mark: String, in text: Substring) -> String.Index? {
    text.indices.first { text[$0...].hasPrefix(mark) }
  }

  private static func append(_ text: Substring, _ role: Role, to spans: inout [Span]) {
    guard !text.isEmpty else { return }
    if let last = spans.last, last.role == role {
      spans[spans.count - 1].text += text
    } else {
      spans.append(Span(String(text), role))
    }
  }
}
