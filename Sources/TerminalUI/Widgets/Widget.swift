/// Something that draws itself into a rectangle of a buffer: a value made for one frame, without
/// state of its own.
///
/// A widget never draws outside of its rectangle and accepts every rectangle, empty ones included.
package protocol Widget: Sendable {
  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look)
}

extension CellBuffer {
  /// Draws a widget.
  package mutating func draw(_ widget: some Widget, in rect: Rect, look: Look) {
    let rect = rect.intersection(bounds)
    guard !rect.isEmpty else { return }
    widget.draw(in: rect, of: &self, look: look)
  }

  /// Draws one line of styled text at the top of a rectangle, cut with an ellipsis.
  package mutating func line(
    _ text: StyledText, in rect: Rect, look: Look, _ alignment: TextLayout.Alignment = .left
  ) {
    guard !rect.isEmpty else { return }
    let cut = TextLayout.truncate(text, to: rect.width, ellipsis: look.glyphs.ellipsis)
    if text.width > rect.width { tell(rect, text.plain) }
    let spare = max(0, rect.width - cut.width)
    let shift =
      switch alignment {
      case .left: 0
      case .right: spare
      case .center: spare / 2
      }
    put(cut, x: rect.x + shift, y: rect.y, clip: rect) { look.style($0) }
  }
}
