import Engine
import Models
import TerminalUI

/// The map itself, with its metric and scale in the frame.
struct MapPanel: Widget {
  var state: State
  var map: ErrorMap

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let metric = HeatmapScreen.metric(state)
    let view = state.heatmap
    let count = HeatmapScreen.maps(state).count
    let scale =
      switch view.scale {
      case .linear: "by value"
      case .logarithmic: "by logarithm"
      case .percentile: "by rank"
      }
    let room = buffer.box(
      StyledText(map.title), in: rect, look: look,
      trailing: .hint(count > 1 ? "map \(view.map + 1) of \(count)" : ""),
      footer: .hint("colours \(scale)"), isFocused: true)
    let (head, body) = room.splitTop(2)
    buffer.line(
      oneOf: [
        StyledText(metric.words, .strong) + .hint("  \(metric.meaning)"),
        StyledText(metric.words, .strong)
          + .hint(metric.isWorseWhenLarger ? ", lower is better" : ", higher is better"),
      ], in: head.row(0), look: look)
    buffer.draw(widget(metric, look: look), in: body, look: look)
  }

  private func widget(_ metric: ErrorMap.Metric, look: Look) -> Heatmap {
    let view = state.heatmap
    let columns = map.columns.count
    var values = [Double](repeating: .nan, count: map.rows.count * columns)
    var marks: [Heatmap.Place: Unicode.Scalar] = [:]
    for (row, cells) in map.cells.prefix(map.rows.count).enumerated() {
      for (column, cell) in cells.prefix(columns).enumerated() {
        values[row * columns + column] = cell.values[metric] ?? .nan
        if cell.fallback != nil { marks[Heatmap.Place(row: row, column: column)] = "!" }
      }
    }
    for cell in view.restored {
      marks[Heatmap.Place(row: cell.row, column: cell.column)] = "F"
    }
    return Heatmap(
      rows: map.rows.count, columns: columns, values: values, rowLabels: map.rows,
      columnLabels: map.columns, scale: view.scale, numbers: .significant,
      cursor: Heatmap.Place(row: view.row, column: view.column), marks: marks)
  }
}

/// What is known of the cell under the cursor, and what putting cells back to FP gains.
struct CellPanel: Widget {
  var state: State
  var map: ErrorMap

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let view = state.heatmap
    let isOpen = view.isOpen
    let restore = view.restored.isEmpty && state.facts.restored == nil ? 0 : min(6, rect.height / 4)
    let (upper, lower) = rect.splitBottom(restore)
    let asks = map.metrics.contains(.aloneKL) ? 0 : 1
    let figures = min(upper.height, map.metrics.count + 2 + asks + (cell?.fallback == nil ? 0 : 1))
    let (top, rest) = upper.splitTop(figures)
    drawFigures(in: top, of: &buffer, look: look)
    if isOpen, HeatmapScreen.isDetailShown(state), let detail = state.facts.cell {
      CellDetailPanel(detail: detail).draw(in: rest, of: &buffer, look: look)
    } else if isOpen {
      let room = buffer.box("behind the cell", in: rest, look: look)
      buffer.line(.hint("Enter looks into it."), in: room, look: look)
    } else {
      drawWorst(in: rest, of: &buffer, look: look)
    }
    if restore > 0 { drawRestored(in: lower, of: &buffer, look: look) }
  }

  private var cell: ErrorMap.Cell? {
    let view = state.heatmap
    guard map.cells.indices.contains(view.row), map.cells[view.row].indices.contains(view.column)
    else { return nil }
    return map.cells[view.row][view.column]
  }

  private func drawFigures(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let view = state.heatmap
    let name = HeatmapScreen.name(view.row, view.column, map)
    let room = buffer.box(
      StyledText("block \(name)"), in: rect, look: look,
      trailing: view.restored.contains(CellAddress(row: view.row, column: view.column))
        ? .good("F: back in FP") : "")
    var row = 0
    for metric in map.metrics {
      let value = cell?.values[metric]
      let isWide = room.width >= 48
      let columns = room.row(row).columns([.fixed(isWide ? 24 : 11), .fill()], spacing: 1)
      buffer.line(.dim(isWide ? metric.words : metric.shortWords), in: columns[0], look: look)
      buffer.line(
        value.map { .strong(metric.text($0)) + .hint("  " + rank(metric, isWide: isWide)) }
          ?? .hint("not measured"), in: columns[1], look: look)
      row += 1
    }
    if let fallback = cell?.fallback {
      buffer.line(.warn("\(look.glyphs.warn) \(fallback)"), in: room.row(row), look: look)
      row += 1
    }
    guard !map.metrics.contains(.aloneKL) else { return }
    buffer.line(
      oneOf: [.hint("a measures the KL of each cell alone"), .hint("a measures KL alone")],
      in: room.row(row), look: look)
  }

  /// Where the cell stands among all, the worst first.
  private func rank(_ metric: ErrorMap.Metric, isWide: Bool) -> String {
    guard let value = cell?.values[metric] else { return "" }
    let all = map.cells.joined().compactMap { $0.values[metric] }
    let worse = all.count { metric.isWorseWhenLarger ? $0 > value : $0 < value }
    if worse == 0 { return isWide ? "the worst of \(all.count)" : "the worst" }
    return isWide
      ? "rank \(worse + 1) of \(all.count) from the worst" : "#\(worse + 1) of \(all.count)"
  }

  /// The cells to protect first.
  private func drawWorst(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let metric = map.metrics.contains(.aloneKL) ? .aloneKL : HeatmapScreen.metric(state)
    let room = buffer.box(
      "worst cells", in: rect, look: look, trailing: .hint("protect these first"))
    var all: [(name: String, value: Double)] = []
    for (row, cells) in map.cells.enumerated() {
      for (column, cell) in cells.enumerated() {
        guard let value = cell.values[metric], value.isFinite else { continue }
        all.append((HeatmapScreen.name(row, column, map), value))
      }
    }
    all.sort { metric.isWorseWhenLarger ? $0.value > $1.value : $0.value < $1.value }
    let bars = all.prefix(max(0, room.height - 2)).map {
      BarChart.Bar(
        StyledText($0.name), value: metric.isWorseWhenLarger ? $0.value : 1,
        text: StyledText(metric.text($0.value)), role: .series2)
    }
    let (chart, note) = room.splitTop(bars.count)
    buffer.draw(BarChart(Array(bars)), in: chart, look: look)
    buffer.line(
      oneOf: [
        .hint("f puts the cell back to FP, i then measures the KL"),
        .hint("f back to FP, then i measures KL"),
      ], in: note.inset(top: 1), look: look)
  }

  private func drawRestored(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let marked = state.heatmap.restored
    let room = buffer.box(
      "back in FP", in: rect, look: look,
      trailing: .hint("\(marked.count) cell\(marked.count == 1 ? "" : "s") marked"))
    let names = marked.sorted { ($0.row, $0.column) < ($1.row, $1.column) }
      .map { HeatmapScreen.name($0.row, $0.column, map) }
    buffer.line(StyledText(names.joined(separator: ", ")), in: room.row(0), look: look)
    guard let report = state.facts.restored else {
      buffer.line(
        oneOf: [.press("i", "measures the KL with them in FP"), .press("i", "measures KL now")],
        in: room.row(1), look: look)
      return
    }
    let gain = report.klBefore > 0 ? 1 - report.klAfter / report.klBefore : 0
    buffer.line(
      StyledText("KL \(NumberText.significant(report.klBefore)) \(look.glyphs.arrow) ")
        + .strong(NumberText.significant(report.klAfter))
        + (gain >= 0
          ? .good("  \(NumberText.percent(gain)) lower")
          : .bad("  \(NumberText.percent(-gain)) higher")),
      in: room.row(1), look: look)
    buffer.line(
      .hint("costs \(NumberText.bytes(report.extraBytes)) more"), in: room.row(2), look: look)
    if Set(report.cells) != marked {
      buffer.line(
        .warn("\(look.glyphs.warn) for \(report.cells.count) other cells; i measures again"),
        in: room.row(3), look: look)
    }
  }
}

/// What lies behind a cell: values before and after, scales, outlier columns.
struct CellDetailPanel: Widget {
  var detail: CellDetail

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let room = buffer.box(
      StyledText(detail.title), in: rect, look: look, trailing: .hint("b closes"))
    let facts = detail.facts.prefix(max(0, min(4, room.height - 12)))
    let outliers = detail.outliers.isEmpty ? 1 : room.height >= 6 ? 2 : 1
    let plots = max(2, room.height - outliers - facts.count - 1)
    let rows = room.rows([
      .fixed(plots - plots / 2), .fixed(plots / 2), .fixed(outliers), .fixed(1),
      .fixed(facts.count),
    ])
    plot("before", detail.before, .series1, in: rows[0], &buffer, look)
    plot("after", detail.after, .series2, in: rows[1], &buffer, look)
    let names = detail.outliers.prefix(6).map {
      "\($0.channel) (\(NumberText.significant($0.ratio, 2)) ×)"
    }
    buffer.draw(
      Paragraph(
        detail.outliers.isEmpty
          ? .hint("no outlier columns")
          : .warn("\(look.glyphs.warn) outlier columns ")
            + StyledText(names.joined(separator: ", "))),
      in: rows[2], look: look)
    let scales = rows[3].columns([.fixed(7), .fill()])
    buffer.line(.dim("scales"), in: scales[0], look: look)
    buffer.draw(Sparkline(detail.scales, role: .series3), in: scales[1], look: look)
    for (index, fact) in facts.enumerated() {
      buffer.line(.hint(fact), in: rows[4].row(index), look: look)
    }
  }

  private func plot(
    _ name: String, _ counts: [Int], _ role: Role, in rect: Rect, _ buffer: inout CellBuffer,
    _ look: Look
  ) {
    let columns = rect.columns([.fixed(7), .fill()])
    buffer.line(.dim(name), in: columns[0].row(0), look: look)
    buffer.line(.hint("counts,"), in: columns[0].row(1), look: look)
    buffer.line(.hint("by log"), in: columns[0].row(2), look: look)
    buffer.draw(histogram(counts, role), in: columns[1], look: look)
  }

  private func histogram(_ counts: [Int], _ role: Role) -> Histogram {
    Histogram(
      counts: counts.map { Double(max(0, $0)) }, low: detail.lowest, high: detail.highest,
      role: role, isLogarithmic: true)
  }
}
