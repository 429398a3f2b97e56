import Wording

/// Where the parts of a heatmap lie, and which values share a place.
struct HeatmapLayout {
  let heatmap: Heatmap
  let header: Rect
  let labels: Rect
  let grid: Rect
  let legend: Rect
  /// Columns of the screen for a column of the map.
  let cellWidth: Int
  /// Rows of the screen for a row of the map; 1 when two rows share one.
  let cellHeight: Int
  /// Rows of the map in one row of the screen: 2 with half blocks, else 1.
  let rowsPerLine: Int
  /// Values across that one place shows the largest of.
  let pooled: Int
  /// The visible columns and rows of the map.
  let columns: Range<Int>
  let rows: Range<Int>

  init(_ heatmap: Heatmap, in rect: Rect, look: Look) {
    self.heatmap = heatmap
    let hasHeader = !heatmap.columnLabels.isEmpty && rect.height >= 3
    let hasLegend = rect.height >= 4
    let widest = heatmap.rowLabels.map { ScalarWidth.of($0) }.max() ?? 0
    let margin = widest == 0 || rect.width < 8 ? 0 : min(widest, rect.width / 3) + 2
    let (header, below) = rect.splitTop(hasHeader ? 1 : 0)
    let (body, legend) = below.splitBottom(hasLegend ? 2 : 0)
    let room = body.splitLeft(margin).rest
    self.header = header.splitLeft(margin).rest
    labels = body.splitLeft(margin).left

    // Across: wide cells if they fit, then narrow ones, then several columns to a place, or a
    // window that follows the cursor.
    let count = max(1, heatmap.columns)
    cellWidth = min(max(1, room.width / count), 9)
    if count <= room.width || room.width == 0 {
      pooled = 1
      columns = 0..<heatmap.columns
    } else if heatmap.columnOverflow == .pool {
      pooled = (count + room.width - 1) / room.width
      columns = 0..<heatmap.columns
    } else {
      pooled = 1
      columns =
        ScrollWindow(
          count: heatmap.columns, visible: room.width, selected: heatmap.cursor?.column
        ).range
    }

    // Down: tall cells, then single rows, then two rows to a line by half blocks, then a window
    // that follows the cursor.
    let down = max(1, heatmap.rows)
    let canHalve = look.depth >= .ansi256 && look.glyphs.hasHalfBlocks
    rowsPerLine = down > room.height && canHalve ? 2 : 1
    cellHeight =
      rowsPerLine == 2 ? 1 : min(max(1, room.height / down), max(1, min(3, cellWidth / 3)))
    let visible = rowsPerLine == 2 ? room.height * 2 : room.height / cellHeight
    var first =
      ScrollWindow(
        count: heatmap.rows, visible: visible, selected: heatmap.cursor?.row, top: heatmap.top
      ).top
    // A line starts with an even row; the cursor must not fall out by that.
    if rowsPerLine == 2, first % 2 == 1 { first += heatmap.cursor?.row == first ? -1 : 1 }
    rows = first..<max(first, min(heatmap.rows, first + visible))
    let lines =
      rowsPerLine == 2 ? (rows.count + 1) / 2 : rows.count * cellHeight
    let places = (columns.count + pooled - 1) / max(1, pooled)
    grid = Rect(
      x: room.x, y: room.y, width: min(room.width, places * cellWidth),
      height: min(room.height, lines))
    // One empty row below the grid, so that legend and map are read together.
    self.legend = Rect(
      x: legend.x, y: grid.maxY + 1, width: legend.width, height: hasLegend ? 1 : 0
    ).intersection(rect)
  }

  /// The place on the screen of a row and a column of the map; nil when it is not visible.
  func rect(row: Int, column: Int) -> Rect? {
    guard rows.contains(row), columns.contains(column) else { return nil }
    let place = (column - columns.lowerBound) / pooled
    let line = (row - rows.lowerBound) / rowsPerLine
    return Rect(
      x: grid.x + place * cellWidth, y: grid.y + line * cellHeight, width: cellWidth,
      height: cellHeight
    ).intersection(grid)
  }

  /// The first row and column of the map that a place on the screen shows.
  func place(x: Int, y: Int) -> Heatmap.Place? {
    guard grid.contains(x: x, y: y) else { return nil }
    let row = rows.lowerBound + (y - grid.y) / cellHeight * rowsPerLine
    let column = columns.lowerBound + (x - grid.x) / cellWidth * pooled
    guard rows.contains(row), columns.contains(column) else { return nil }
    return Heatmap.Place(row: row, column: column)
  }

  /// The largest finite value of the columns that share a place, NaN when there is none.
  func value(row: Int, column: Int) -> Double {
    guard pooled > 1 else { return heatmap.value(row: row, column: column) }
    let start = column - (column - columns.lowerBound) % pooled
    let values = (start..<min(start + pooled, columns.upperBound)).map {
      heatmap.value(row: row, column: $0)
    }
    return values.filter(\.isFinite).max() ?? .nan
  }

  /// The first column of each place.
  var places: StrideTo<Int> {
    stride(from: columns.lowerBound, to: columns.upperBound, by: max(1, pooled))
  }
}
