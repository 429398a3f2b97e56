import Engine
import Models
import TerminalUI
import Wording

/// The map itself, with its metric and scale in the frame.
struct MapPanel: Widget {
  var map: ErrorMap
  var metric: ErrorMap.Metric
  var view: HeatmapScreen.View
  /// Maps there are.
  var count: Int
  /// Cells that are back in FP, or that the recipe left there.
  var inFP: Set<CellAddress>

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let scale =
      switch view.scale {
      case .linear: "by value"
      case .logarithmic: "by logarithm"
      case .percentile: "by rank"
      }
    let room = buffer.box(
      StyledText(map.title), in: rect, look: look,
      trailing: .hint(count > 1 ? "map \(view.map + 1) of \(count)" : ""),
      footer: .hint(
        "colours \(scale)"
          + (domain.map { " from BF16's rounding, \(Quantity.significant($0.lowerBound))" } ?? "")),
      isFocused: true)
    let (head, body) = room.splitTop(2)
    buffer.line(
      oneOf: [
        StyledText(metric.words, .strong) + .hint("  \(metric.meaning)"),
        StyledText(metric.words, .strong)
          + .hint(metric.isWorseWhenLargerShown ? ", lower is better" : ", higher is better"),
      ], in: head.row(0), look: look)
    buffer.draw(widget(look: look), in: body, look: look)
  }

  /// Where colours begin and end where some values are no larger than what rounding alone leaves: that is no error to be
  /// seen, and where all are so small there is little colour.
  private var domain: ClosedRange<Double>? {
    let values = map.cells.joined().compactMap { $0.values[metric].map(metric.shown) }
      .filter(\.isFinite)
    guard view.scale != .percentile, let floor = metric.roundingFloor, let least = values.min(),
      let most = values.max(), least < floor
    else { return nil }
    return floor...max(most, 100 * floor)
  }

  private func widget(look: Look) -> Heatmap {
    let columns = map.columns.count
    var values = [Double](repeating: .nan, count: map.rows.count * columns)
    var marks: [Heatmap.Place: Unicode.Scalar] = [:]
    for (row, cells) in map.cells.prefix(map.rows.count).enumerated() {
      for (column, cell) in cells.prefix(columns).enumerated() {
        values[row * columns + column] = cell.values[metric].map(metric.shown) ?? .nan
        if cell.fallback != nil { marks[Heatmap.Place(row: row, column: column)] = "!" }
      }
    }
    for cell in inFP { marks[Heatmap.Place(row: cell.row, column: cell.column)] = "F" }
    return Heatmap(
      rows: map.rows.count, columns: columns, values: values, rowLabels: map.rows,
      columnLabels: map.columns, scale: view.scale, domain: domain, numbers: .significant,
      cursor: Heatmap.Place(row: view.row, column: view.column), marks: marks)
  }
}
