import Wording

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
      mark(line, in: inner.row(index), of: &buffer)
    }
  }

  /// A key that a line names stands for itself, with the word after it.
  private func mark(_ line: StyledText, in row: Rect, of buffer: inout CellBuffer) {
    var x = row.x
    for (place, span) in line.spans.enumerated() {
      let width = ScalarWidth.of(span.text)
      if span.role == .key, let press = KeyPress(name: span.text.lowercased()) {
        let next = line.spans.indices.contains(place + 1) ? line.spans[place + 1].text : ""
        let label = next.trimmingSpacesAtEnd
        buffer.mark(
          Rect(x: x, y: row.y, width: width + ScalarWidth.of(label), height: 1), .key(press))
      }
      x += width
    }
  }
}

extension String {
  fileprivate var trimmingSpacesAtEnd: String {
    var text = Substring(self)
    while text.last == " " { text.removeLast() }
    return String(text)
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
    mark(frame, .modal)
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
