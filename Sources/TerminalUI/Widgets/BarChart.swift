/// Horizontal bars with their names on the left and their values on the right, longest label and
/// value aligned.
package struct BarChart: Widget {
  package struct Bar: Hashable, Sendable {
    package var label: StyledText
    package var value: Double
    /// The value in words.
    package var text: StyledText
    package var role: Role

    package init(_ label: StyledText, value: Double, text: StyledText, role: Role = .accent) {
      self.label = label
      self.value = value
      self.text = text
      self.role = role
    }
  }

  package var bars: [Bar]
  /// The value of a full bar; the largest (limit included) when nil.
  package var highest: Double?
  /// A value marked across all bars, such as a memory budget.
  package var limit: Double?

  package init(_ bars: [Bar], highest: Double? = nil, limit: Double? = nil) {
    self.bars = bars
    self.highest = highest
    self.limit = limit
  }

  package func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let labels = min(bars.map(\.label.width).max() ?? 0, rect.width / 3)
    let texts = min(bars.map(\.text.width).max() ?? 0, rect.width / 2)
    let columns = rect.columns(
      [.fixed(labels), .fill(min: 3), .fixed(texts)], spacing: 1)
    let largest = bars.map(\.value).filter(\.isFinite).max() ?? 0
    let full = highest ?? max(largest, limit ?? 0)
    for (index, bar) in bars.prefix(rect.height).enumerated() {
      buffer.line(bar.label, in: columns[0].row(index), look: look)
      Gauge.bar(
        full > 0 ? bar.value / full : 0, in: columns[1].row(index), of: &buffer, look: look,
        role: bar.role, showsTrack: false)
      buffer.line(bar.text, in: columns[2].row(index), look: look, .right)
    }
    drawLimit(full: full, in: columns[1], of: &buffer, look: look)
  }

  private func drawLimit(full: Double, in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    guard let limit, limit.isFinite, limit >= 0, full > 0, limit <= full, rect.width > 0 else {
      return
    }
    let x = rect.x + min(rect.width - 1, Int(limit / full * Double(rect.width)))
    for y in rect.y..<min(rect.maxY, rect.y + bars.count) {
      buffer.set(look.glyphs.vertical, x: x, y: y, style: look.ink(.warn))
    }
  }
}
