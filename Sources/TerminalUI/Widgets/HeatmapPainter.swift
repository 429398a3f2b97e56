import Wording

/// Paints the cells of a heatmap, in the manner that the terminal's colours and glyphs allow.
struct HeatmapPainter {
  let layout: HeatmapLayout
  let mapping: HeatMapping
  let look: Look
  private let ramp: HeatRamp
  /// Whether colours carry the values; else shades and digits do.
  private let isColored: Bool
  /// The numbers in the cells, where all of them fit.
  let numbers: CellNumbers?

  init(layout: HeatmapLayout, mapping: HeatMapping, look: Look) {
    self.layout = layout
    self.mapping = mapping
    self.look = look
    ramp = look.heat
    isColored = look.depth >= .ansi256 && look.glyphs.kind != .ascii
    let largest = [mapping.minimum, mapping.maximum].compactMap { $0 }
      .max { abs($0) < abs($1) }
    let numbers = CellNumbers(layout.heatmap.numbers, largest: largest ?? 0)
    let widest =
      [mapping.minimum, mapping.median, mapping.maximum]
      .compactMap { $0.map { ScalarWidth.of(numbers.text($0)) } }.max() ?? 0
    let fits = layout.pooled == 1 && layout.rowsPerLine == 1 && widest + 2 <= layout.cellWidth
    self.numbers = fits ? numbers : nil
  }

  func draw(on buffer: inout CellBuffer) {
    if layout.rowsPerLine == 2 {
      drawHalves(on: &buffer)
      return
    }
    for row in layout.rows {
      for column in layout.places {
        guard let rect = layout.rect(row: row, column: column), !rect.isEmpty else { continue }
        drawCell(row: row, column: column, in: rect, on: &buffer)
      }
    }
  }

  private func drawCell(row: Int, column: Int, in rect: Rect, on buffer: inout CellBuffer) {
    let value = layout.value(row: row, column: column)
    let place = mapping.place(value)
    let style = fill(place, rect, on: &buffer)
    let middle = rect.y + (rect.height - 1) / 2
    if let numbers, place != nil {
      let text = numbers.text(value)
      let padded = isColored ? text : " \(text) "
      let start = rect.x + (rect.width - ScalarWidth.of(padded)) / 2
      buffer.put(
        padded, x: start, y: middle, style: isColored ? style : look.style(.text), clip: rect)
    } else if !isColored, rect.width >= 2, let place {
      let digit = Unicode.Scalar(UInt8(ascii: "0") + UInt8(min(place * 10, 9)))
      buffer.set(digit, x: rect.maxX - 1, y: middle, style: look.style(.text))
    }
    let key = Heatmap.Place(row: row, column: column)
    if let mark = layout.heatmap.marks[key] {
      buffer.set(
        // Next to the number, where there is one.
        mark, x: rect.x + (rect.width > 2 && (numbers == nil || rect.width >= 7) ? 1 : 0),
        y: middle,
        style: isColored ? style.adding(.bold) : look.style(.strong))
    }
    if isCursor(row: row, column: column) { drawCursor(in: rect, on: &buffer) }
  }

  /// Fills a cell and returns the style of text on it.
  private func fill(_ place: Double?, _ rect: Rect, on buffer: inout CellBuffer) -> Style {
    guard let place else {
      // A missing value is a hole with a mark in its middle, not a low value.
      buffer.fill(rect, style: look.ground)
      buffer.set(
        look.glyphs.bullet, x: rect.x + (rect.width - 1) / 2, y: rect.y + (rect.height - 1) / 2,
        style: look.style(.track))
      return look.ground
    }
    let color = ramp.color(at: place)
    if isColored {
      let style = Style(foreground: ink(on: color), background: color)
      buffer.fill(rect, style: style)
      return style
    }
    let shades = look.glyphs.shades.dropFirst()
    let index = shades.startIndex + min(Int(place * Double(shades.count)), shades.count - 1)
    let style = look.depth == .mono ? look.style(.text) : Style(foreground: color)
    buffer.fill(rect, with: shades[index], style: style)
    return style
  }

  /// Black or white, whichever reads better.
  private func ink(on color: Color) -> Color {
    let dark = Color(red: 16, green: 18, blue: 24)
    let light = Color(red: 245, green: 247, blue: 250)
    let darkRatio = Contrast.ratio(dark, color) ?? 1
    return darkRatio >= (Contrast.ratio(light, color) ?? 1) ? dark : light
  }

  private func drawCursor(in rect: Rect, on buffer: inout CellBuffer) {
    let style = look.style(.cursor)
    guard rect.width >= 3 else {
      buffer.restyle(rect) { _ in style }
      return
    }
    for y in rect.y..<rect.maxY {
      buffer.set("[", x: rect.x, y: y, style: style)
      buffer.set("]", x: rect.maxX - 1, y: y, style: style)
    }
  }

  private func isCursor(row: Int, column: Int) -> Bool {
    guard let cursor = layout.heatmap.cursor, cursor.row == row else { return false }
    return cursor.column >= column && cursor.column < column + layout.pooled
  }

  /// Two rows of the map in each row of the screen: the upper one in the foreground of `▀`.
  private func drawHalves(on buffer: inout CellBuffer) {
    for row in stride(from: layout.rows.lowerBound, to: layout.rows.upperBound, by: 2) {
      for column in layout.places {
        guard let rect = layout.rect(row: row, column: column) else { continue }
        let upper = color(row: row, column: column)
        let lower = color(row: row + 1, column: column)
        buffer.fill(rect, with: "▀", style: Style(foreground: upper, background: lower))
      }
    }
  }

  private func color(row: Int, column: Int) -> Color {
    if isCursor(row: row, column: column) {
      return look.style(.cursor).background
    }
    guard layout.rows.contains(row),
      let place = mapping.place(layout.value(row: row, column: column))
    else { return look.theme.background }
    return ramp.color(at: place)
  }
}
