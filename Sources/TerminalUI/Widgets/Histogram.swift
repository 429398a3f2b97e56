import Wording

/// How often values fall into equal bins: columns over a line with the ends of the range named.
package struct Histogram: Widget {
  package var counts: [Double]
  package var low: Double
  package var high: Double
  package var role: Role
  /// Heights by logarithm, so that a handful of outliers among a million others can be seen.
  package var isLogarithmic: Bool

  package init(
    counts: [Double], low: Double, high: Double, role: Role = .accent, isLogarithmic: Bool = false
  ) {
    self.counts = counts
    self.low = low
    self.high = high
    self.role = role
    self.isLogarithmic = isLogarithmic
  }

  package func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let (plot, axis) = rect.splitBottom(rect.height >= 3 ? 1 : 0)
    let bins = Pooling.byMaximum(counts.map { $0.isFinite ? max(0, $0) : 0 }, to: plot.width)
    // Few bins are drawn wide, so that the picture fills its box.
    let width = max(1, plot.width / max(1, bins.count))
    let tallest = bins.max() ?? 0
    for (index, count) in bins.enumerated() {
      let part = height(count, tallest)
      for column in 0..<width {
        Sparkline.column(
          part,
          in: Rect(
            x: plot.x + index * width + column, y: plot.y, width: 1, height: plot.height
          ).intersection(plot),
          of: &buffer, look: look, role: role)
      }
    }
    let used = min(rect.width, width * bins.count)
    guard !axis.isEmpty, used > 0 else { return }
    drawAxis(in: axis.splitLeft(used).left, of: &buffer, look: look)
  }

  private func height(_ count: Double, _ tallest: Double) -> Double {
    guard count > 0, tallest > 0 else { return 0 }
    guard isLogarithmic else { return count / tallest }
    let scale = Scale(.logarithmic, from: 0.5, to: max(1, tallest))
    return scale.place(count) ?? 0
  }

  private func drawAxis(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let first = StyledText(Quantity.significant(low, 2), .hint)
    let last = StyledText(Quantity.significant(high, 2), .hint)
    buffer.fill(rect, with: look.glyphs.horizontal, style: look.style(.track))
    guard first.width + last.width + 3 <= rect.width else { return }
    buffer.line(first + " ", in: rect, look: look)
    buffer.line(" " + last, in: rect, look: look, .right)
    guard low < 0, high > 0, rect.width >= 24, (high - low).isFinite else { return }
    let zero = rect.x + Int(-low / (high - low) * Double(rect.width - 1))
    if zero > rect.x + first.width + 1, zero < rect.maxX - last.width - 2 {
      buffer.put("0", x: zero, y: rect.y, style: look.style(.hint), clip: rect)
    }
  }
}
