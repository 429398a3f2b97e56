/// A titled box with rounded corners: `╭ title ────── trailing ╮`.
///
/// The focused box has a brighter border and a pointer before its title.
package struct Box: Widget {
  package var title: StyledText
  /// On the right of the top border.
  package var trailing: StyledText
  /// On the right of the bottom border.
  package var footer: StyledText
  package var isFocused: Bool

  package init(
    _ title: StyledText = "", trailing: StyledText = "", footer: StyledText = "",
    isFocused: Bool = false
  ) {
    self.title = title
    self.trailing = trailing
    self.footer = footer
    self.isFocused = isFocused
  }

  /// The room inside of the border, with a column of air on both sides where there is enough.
  package static func inner(of rect: Rect) -> Rect {
    rect.inset(horizontal: rect.width >= 12 ? 2 : 1, vertical: 1)
  }

  package func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    guard rect.width >= 2, rect.height >= 2 else { return }
    buffer.mark(rect, .pane(isFocused: isFocused))
    let glyphs = look.glyphs
    let style = look.style(isFocused ? .focusBorder : .border)
    let right = rect.maxX - 1
    let bottom = rect.maxY - 1
    for x in (rect.x + 1)..<max(right, rect.x + 1) {
      buffer.set(glyphs.horizontal, x: x, y: rect.y, style: style)
      buffer.set(glyphs.horizontal, x: x, y: bottom, style: style)
    }
    for y in (rect.y + 1)..<max(bottom, rect.y + 1) {
      buffer.set(glyphs.vertical, x: rect.x, y: y, style: style)
      buffer.set(glyphs.vertical, x: right, y: y, style: style)
    }
    buffer.set(glyphs.topLeft, x: rect.x, y: rect.y, style: style)
    buffer.set(glyphs.topRight, x: right, y: rect.y, style: style)
    buffer.set(glyphs.bottomLeft, x: rect.x, y: bottom, style: style)
    buffer.set(glyphs.bottomRight, x: right, y: bottom, style: style)
    drawTexts(in: rect, of: &buffer, look: look)
  }

  private func drawTexts(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let top = rect.inset(horizontal: 1).row(0)
    var room = top
    if !title.plain.isEmpty {
      let pointer = isFocused ? String(look.glyphs.pointer) : " "
      var text = StyledText(pointer, .focusBorder)
      text += StyledText(
        title.spans.map { span in
          span.role == .text ? Span(span.text, .title, attributes: span.attributes) : span
        })
      text += " "
      let cut = TextLayout.truncate(text, to: top.width, ellipsis: look.glyphs.ellipsis)
      buffer.line(cut, in: top, look: look)
      room = top.splitLeft(cut.width + 1).rest
    }
    tag(trailing, in: room, of: &buffer, look: look)
    tag(footer, in: rect.inset(horizontal: 1).row(rect.height - 1), of: &buffer, look: look)
  }

  /// A text on the border, right aligned, only when it fits whole.
  private func tag(_ text: StyledText, in room: Rect, of buffer: inout CellBuffer, look: Look) {
    guard !text.plain.isEmpty, text.width + 2 <= room.width else { return }
    buffer.line(" " + text + " ", in: room, look: look, .right)
  }
}

extension CellBuffer {
  /// Draws a box and returns the room inside of it.
  package mutating func box(
    _ title: StyledText, in rect: Rect, look: Look, trailing: StyledText = "",
    footer: StyledText = "", isFocused: Bool = false
  ) -> Rect {
    draw(
      Box(title, trailing: trailing, footer: footer, isFocused: isFocused), in: rect, look: look)
    return Box.inner(of: rect)
  }
}
