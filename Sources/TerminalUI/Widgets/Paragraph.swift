/// Running text, wrapped at words, with a scroll bar when it is longer than its room.
package struct Paragraph: Widget {
  package var text: StyledText
  /// First visible line.
  package var top: Int

  package init(_ text: StyledText, top: Int = 0) {
    self.text = text
    self.top = top
  }

  /// From light markup: `**strong**` and `` `code` ``.
  package init(markup: String, role: Role = .text, top: Int = 0) {
    self.init(StyledText(markup: markup, role: role), top: top)
  }

  /// Lines it takes in so many columns.
  package func height(forWidth width: Int) -> Int { TextLayout.wrap(text, to: width).count }

  package func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    var lines = TextLayout.wrap(text, to: rect.width)
    let overflows = lines.count > rect.height
    if overflows, rect.width > 2 { lines = TextLayout.wrap(text, to: rect.width - 2) }
    let window = ScrollWindow(count: lines.count, visible: rect.height, top: top)
    for (line, index) in window.range.enumerated() {
      buffer.line(lines[index], in: rect.row(line), look: look)
    }
    if rect.width > 2 { buffer.draw(ScrollBar(window), in: rect, look: look) }
  }
}
