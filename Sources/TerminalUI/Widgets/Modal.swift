/// A box above everything else, in the middle of the screen.
package struct Modal: Widget {
  package var title: StyledText
  package var lines: [StyledText]
  /// Keys in its bottom border.
  package var footer: StyledText
  /// Columns it would like, border included.
  package var width: Int

  package init(
    _ title: StyledText, lines: [StyledText], footer: StyledText = "", width: Int = 64
  ) {
    self.title = title
    self.lines = lines
    self.footer = footer
    self.width = width
  }

  package func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let columns = min(max(4, width), rect.width)
    let text = lines.flatMap { TextLayout.wrap($0, to: max(1, columns - 4)) }
    let inner = buffer.modal(
      title, size: Size(width: columns, height: text.count + 2), in: rect, footer: footer,
      look: look)
    for (index, line) in text.prefix(inner.height).enumerated() {
      buffer.line(line.onModal, in: inner.row(index), look: look)
    }
  }
}

extension CellBuffer {
  /// Clears a box in the middle of a rectangle and returns the room inside of it.
  package mutating func modal(
    _ title: StyledText, size: Size, in rect: Rect, footer: StyledText = "", look: Look
  ) -> Rect {
    let frame = rect.centered(size)
    guard !frame.isEmpty else { return frame }
    // The background is laid first: the border and the texts inherit it.
    fill(frame, style: look.style(.modal).over(look.ground))
    return box(title, in: frame, look: look, footer: footer, isFocused: true)
  }
}

extension StyledText {
  /// Ordinary text in the colours of a modal box.
  var onModal: StyledText {
    StyledText(
      spans.map { span in
        var span = span
        if span.role == .text { span.role = .modal }
        return span
      })
  }
}
