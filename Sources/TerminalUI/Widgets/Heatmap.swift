import Wording

/// Values in rows and columns as colours, with names, a cursor and a legend of least, middle and
/// largest value.
///
/// With 256 colours or more cells are coloured, two rows to a line when there are too many; with
/// less, shades are drawn; in mono and ASCII digits 0...9 stand in the cells. Values are written
/// into the cells where they fit.
package struct Heatmap: Widget {
  package struct Place: Hashable, Sendable, Codable {
    package var row: Int
    package var column: Int

    package init(row: Int, column: Int) {
      self.row = row
      self.column = column
    }
  }

  /// What happens with more columns than fit.
  package enum Overflow: Hashable, Sendable {
    /// Neighbours share a place, which shows the largest value.
    case pool
    /// The window follows the cursor.
    case scroll
  }

  package let rows: Int
  package let columns: Int
  /// Row after row; what is missing at the end counts as missing values.
  package let values: [Double]
  package var rowLabels: [String]
  package var columnLabels: [String]
  package var scale: HeatScale
  /// Ends of the ramp; the values' own when nil.
  package var domain: ClosedRange<Double>?
  package var numbers: NumberStyle
  package var cursor: Place?
  /// Letters on cells, for instance where a projection was put back to floating point.
  package var marks: [Place: Unicode.Scalar]
  package var columnOverflow: Overflow
  /// First visible row, if the cursor allows it.
  package var top: Int

  package init(
    rows: Int, columns: Int, values: [Double], rowLabels: [String] = [],
    columnLabels: [String] = [], scale: HeatScale = .linear, domain: ClosedRange<Double>? = nil,
    numbers: NumberStyle = .significant, cursor: Place? = nil,
    marks: [Place: Unicode.Scalar] = [:], columnOverflow: Overflow = .pool, top: Int = 0
  ) {
    // Rows and columns that nobody has values for cost time at every frame; a few may still come.
    self.rows = min(max(0, rows), max(64, values.count))
    self.columns = min(max(0, columns), max(64, values.count))
    self.values = values
    self.rowLabels = rowLabels
    self.columnLabels = columnLabels
    self.scale = scale
    self.domain = domain
    self.numbers = numbers
    self.cursor = cursor
    self.marks = marks
    self.columnOverflow = columnOverflow
    self.top = top
  }

  /// One value; NaN when it is missing.
  package func value(row: Int, column: Int) -> Double {
    guard row >= 0, row < rows, column >= 0, column < columns else { return .nan }
    let index = row * columns + column
    return index < values.count ? values[index] : .nan
  }

  package func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let layout = HeatmapLayout(self, in: rect, look: look)
    let mapping = HeatMapping(values, scale: scale, domain: domain)
    let painter = HeatmapPainter(layout: layout, mapping: mapping, look: look)
    painter.draw(on: &buffer)
    mark(layout, on: &buffer)
    drawLabels(layout, on: &buffer, look: look)
    let remark = painter.numbers?.remark(look.glyphs)
    HeatLegend(mapping: mapping, numbers: numbers, layout: layout, remark: remark)
      .draw(in: layout.legend, of: &buffer, look: look)
  }

  /// The names of a cell and its value.
  private func words(_ place: Place) -> String {
    func label(_ labels: [String], _ index: Int) -> String? {
      labels.indices.contains(index) && !labels[index].isEmpty ? labels[index] : nil
    }
    let value = value(row: place.row, column: place.column)
    return [
      label(rowLabels, place.row), label(columnLabels, place.column),
      value.isNaN ? "no value" : numbers.text(value),
    ].compactMap(\.self).joined(separator: "  ")
  }

  /// Each place stands for the cell that a click on it means.
  private func mark(_ layout: HeatmapLayout, on buffer: inout CellBuffer) {
    if let pointer = buffer.pointer, let place = layout.place(x: pointer.x, y: pointer.y) {
      buffer.tell(layout.grid, words(place))
    }
    guard buffer.hits != nil else { return }
    for y in layout.grid.y..<layout.grid.maxY {
      for x in layout.grid.x..<layout.grid.maxX {
        guard let place = layout.place(x: x, y: y) else { continue }
        buffer.mark(Rect(x: x, y: y, width: 1, height: 1), .cell(place, cursor: cursor))
      }
    }
  }

  private func drawLabels(_ layout: HeatmapLayout, on buffer: inout CellBuffer, look: Look) {
    for row in layout.rows where rowLabels.indices.contains(row) {
      let isCursor = cursor?.row == row
      // Two rows on a line have one label: the upper one's, or the cursor's.
      let line = (row - layout.rows.lowerBound) / layout.rowsPerLine
      guard isCursor || (row - layout.rows.lowerBound) % layout.rowsPerLine == 0 else { continue }
      let place = layout.labels.row(line * layout.cellHeight + (layout.cellHeight - 1) / 2)
        .inset(right: 1)
      guard !place.isEmpty else { continue }
      if isCursor { buffer.fill(place, style: look.ground) }
      let label = StyledText(rowLabels[row], isCursor ? .strong : .dim)
      buffer.line(
        isCursor ? .accent(String(look.glyphs.pointer)) + label : label, in: place, look: look,
        .right)
    }
    let widest = columnLabels.map { ScalarWidth.of($0) }.max() ?? 0
    let fits = layout.cellWidth > widest || layout.cellWidth >= 4
    let step = fits ? 1 : (widest + layout.cellWidth) / layout.cellWidth
    for (index, column) in layout.places.enumerated() where columnLabels.indices.contains(column) {
      guard index % max(1, step) == 0,
        let place = layout.rect(row: layout.rows.lowerBound, column: column)
      else { continue }
      let width = fits ? layout.cellWidth - (layout.cellWidth > 1 ? 1 : 0) : widest
      let room = Rect(x: place.x, y: layout.header.y, width: width, height: 1)
      let isCursor = cursor?.column == column
      buffer.line(
        StyledText(columnLabels[column], isCursor ? .strong : .dim),
        in: room.intersection(layout.header), look: look, fits ? .center : .left)
    }
  }
}
