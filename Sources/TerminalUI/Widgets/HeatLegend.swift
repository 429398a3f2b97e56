/// The line below a heatmap: least, ramp, largest, middle, scale, and what is not shown whole.
struct HeatLegend {
  let mapping: HeatMapping
  let numbers: NumberStyle
  let layout: HeatmapLayout
  /// A remark on the numbers in the cells.
  let remark: String?

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    guard !rect.isEmpty else { return }
    guard let minimum = mapping.minimum, let maximum = mapping.maximum,
      let median = mapping.median
    else {
      buffer.line(.dim("no values"), in: rect, look: look)
      return
    }
    let start = buffer.put(
      StyledText("min ", .hint) + StyledText(numbers.text(minimum) + " "), x: rect.x, y: rect.y,
      clip: rect
    ) { look.style($0) }
    let width = min(16, max(4, rect.width / 8))
    let ramp = Rect(x: start, y: rect.y, width: width, height: 1).intersection(rect)
    draw(ramp: ramp, of: &buffer, look: look)
    let room = rect.splitLeft(start + width - rect.x).rest
    buffer.line(text(maximum: maximum, median: median, width: room.width), in: room, look: look)
  }

  /// What stands right of the ramp: the parts in order of weight, those that fit whole.
  private func text(maximum: Double, median: Double, width: Int) -> StyledText {
    var parts: [StyledText] = []
    if let remark { parts.append(StyledText(remark, .hint)) }
    if layout.pooled > 1 {
      parts.append(StyledText("largest of \(layout.pooled) columns a cell", .warn))
    }
    parts.append(StyledText("median ", .hint) + StyledText(numbers.text(median)))
    if layout.rows.count < layout.heatmap.rows, !layout.rows.isEmpty {
      let range = "\(layout.rows.lowerBound + 1)–\(layout.rows.upperBound)"
      parts.append(StyledText("rows \(range) of \(layout.heatmap.rows)", .hint))
    }
    parts.append(StyledText("\(mapping.scale.rawValue) scale", .hint))
    var text = StyledText(" max ", .hint) + StyledText(numbers.text(maximum))
    for part in parts where text.width + 2 + part.width <= width { text += "  " + part }
    return text
  }

  private func draw(ramp rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let isColored = look.depth >= .ansi256 && look.glyphs.kind != .ascii
    let shades = Array(look.glyphs.shades.dropFirst())
    for column in 0..<rect.width {
      let place = Double(column) / Double(max(1, rect.width - 1))
      let color = look.heat.color(at: place)
      let shade = shades[min(Int(place * Double(shades.count)), shades.count - 1)]
      let style = look.depth == .mono ? look.style(.text) : Style(foreground: color)
      buffer.set(
        isColored ? " " : shade, x: rect.x + column, y: rect.y,
        style: isColored ? Style(background: color) : style)
    }
  }
}
