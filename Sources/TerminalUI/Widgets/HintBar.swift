/// The bottom line: the keys that matter here and what they do, the most important first.
package struct HintBar: Widget {
  package struct Hint: Hashable, Sendable {
    package var keys: String
    package var action: String
    /// The key that a click on it stands for.
    package var press: KeyPress?

    package init(_ keys: String, _ action: String, press: KeyPress? = nil) {
      self.keys = keys
      self.action = action
      self.press = press
    }
  }

  package var hints: [Hint]
  /// Always shown, on the right: help and quit.
  package var pinned: [Hint]

  package init(_ hints: [Hint], pinned: [Hint] = []) {
    self.hints = hints
    self.pinned = pinned
  }

  package func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let row = rect.row(0)
    buffer.fill(row, style: look.style(.bar))
    let end = Self.text(pinned)
    let room = row.inset(left: 1, right: end.width == 0 ? 1 : end.width + 3)
    var count = hints.count
    while count > 0, Self.text(Array(hints.prefix(count))).width > room.width { count -= 1 }
    buffer.line(Self.text(Array(hints.prefix(count))), in: room, look: look)
    buffer.line(end, in: row.inset(left: 1, right: 1), look: look, .right)
    Self.mark(Array(hints.prefix(count)), from: room.x, in: row, of: &buffer)
    Self.mark(pinned, from: row.maxX - 1 - end.width, in: row, of: &buffer)
  }

  private static func mark(
    _ hints: [Hint], from start: Int, in row: Rect, of buffer: inout CellBuffer
  ) {
    var x = start
    for hint in hints {
      let width = text([hint]).width
      if let press = hint.press {
        buffer.mark(Rect(x: x, y: row.y, width: width, height: 1), .key(press))
      }
      x += width + 3
    }
  }

  private static func text(_ hints: [Hint]) -> StyledText {
    var text = StyledText([])
    for (index, hint) in hints.enumerated() {
      if index > 0 { text += StyledText("   ", .bar) }
      text += StyledText(hint.keys, .key) + StyledText(" " + hint.action, .bar)
    }
    return text
  }
}
