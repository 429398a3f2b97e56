import TerminalUI

/// What a screen shows before it has anything to show: why it is empty, and what fills it.
struct EmptyState: Widget {
  var title: String
  var lines: [StyledText]

  init(_ title: String, _ lines: [StyledText]) {
    self.title = title
    self.lines = lines
  }

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let width = min(64, max(1, rect.width - 4))
    let wrapped = lines.flatMap { TextLayout.wrap($0, to: width) }
    let height = wrapped.count + 2
    let room = rect.centered(Size(width: width, height: height))
    buffer.line(.strong(title), in: room.row(0), look: look)
    for (index, line) in wrapped.enumerated() {
      buffer.line(line, in: room.row(index + 2), look: look)
    }
  }
}

extension StyledText {
  /// A key's name and what it does, for running text.
  static func press(_ key: String, _ action: String) -> StyledText {
    StyledText(key, .key) + StyledText(" " + action)
  }

  /// A role put over the whole text.
  static func hint(_ text: String) -> StyledText { StyledText(text, .hint) }
}
