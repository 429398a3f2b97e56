import Engine
import Models
import TerminalUI
import Wording

/// What is known of the cell under the cursor, what to protect, and what putting cells back to FP gains.
struct CellPanel: Widget {
  var map: ErrorMap
  var view: HeatmapScreen.View
  var figures: CellFigures
  var protection: ProtectionPanel
  /// What putting cells back gained, where that was measured.
  var measured: RestoreReport?
  /// Bytes of the quantized weights; 0 where they are not known.
  var modelBytes: Int
  /// Whether a recipe can leave the marked cells in FP.
  var canKeep: Bool

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let restored = restored(look)
    let restore = restored.isEmpty ? 0 : min(restored.count + 2, rect.height / 3)
    let (upper, lower) = rect.splitBottom(restore)
    let (top, rest) = upper.splitTop(min(upper.height, figures.height))
    buffer.draw(figures, in: top, look: look)
    if view.isOpen {
      let room = buffer.box("details of the cell", in: rest, look: look)
      buffer.line(.hint("Enter looks into it."), in: room, look: look)
    } else {
      protection.draw(in: rest, of: &buffer, look: look)
    }
    guard restore > 0 else { return }
    let count = view.restored.count
    let room = buffer.box(
      figures.isCandidate ? "from the base" : "back in FP", in: lower, look: look,
      trailing: .hint("\(count) cell\(count == 1 ? "" : "s") marked"))
    for (row, wordings) in restored.enumerated() {
      buffer.line(oneOf: wordings, in: room.row(row), look: look)
    }
  }

  /// Which cells are back in FP, what that does, and what can be done with it: lines with their wordings.
  private func restored(_ look: Look) -> [[StyledText]] {
    let marked = view.restored
    guard !marked.isEmpty else { return [] }
    let names = map.names(of: marked)
    var lines: [[StyledText]] = [[StyledText(names.joined(separator: ", "))]]
    if let report = measured {
      let gain = report.klBefore > 0 ? 1 - report.klAfter / report.klBefore : 0
      lines.append([
        StyledText("KL \(Quantity.significant(report.klBefore)) \(look.glyphs.arrow) ")
          + .strong(Quantity.significant(report.klAfter))
          + (gain >= 0
            ? .good("  \(Quantity.percent(gain)) lower")
            : .bad("  \(Quantity.percent(-gain)) higher"))
      ])
      lines.append([cost(report)])
      if Set(report.cells) != marked {
        let count = report.cells.count
        lines.append([
          .warn(
            "\(look.glyphs.warn) for \(count) other cell\(count == 1 ? "" : "s"); m measures again"),
          .warn("\(look.glyphs.warn) other cells; m measures"),
        ])
      }
    } else {
      lines.append([
        .press("m", "measures the KL with them \(figures.isCandidate ? "from the base" : "in FP")"),
        .press("m", "measures KL now"),
      ])
    }
    if canKeep {
      lines.append([
        .press("u", "keeps them in FP: into the recipe, for the next run"),
        .press("u", "keeps them: into the recipe"),
      ])
    }
    return lines
  }

  /// What it takes in bytes.
  private func cost(_ report: RestoreReport) -> StyledText {
    if map.target == .kvCache {
      return .strong("+\(Quantity.bytes(report.extraBytes))") + .hint(" a token of cache")
    }
    return .strong("+\(Quantity.bytes(report.extraBytes))")
      + (modelBytes > 0
        ? .hint(
          ", \(Quantity.percent(Double(report.extraBytes) / Double(modelBytes))) of the model")
        : "")
  }
}

/// The metrics of the cell under the cursor, with its rank among all.
struct CellFigures: Widget {
  var map: ErrorMap
  /// What the cell is called: `5.down`.
  var name: String
  var row: Int
  var column: Int
  /// Whether the cell is put back to FP.
  var isRestored: Bool
  /// Whether the recipe left it there.
  var isProtected: Bool
  /// Whether the map is of a file held against another, whose layers take the place of FP.
  var isCandidate: Bool

  /// Rows it takes, frame included.
  var height: Int {
    map.metrics.count + 2 + (map.metrics.contains(.aloneKL) ? 0 : 1)
      + (cell?.fallback == nil ? 0 : 1) + (rawLoss == nil ? 0 : 1)
  }

  var cell: ErrorMap.Cell? {
    guard map.cells.indices.contains(row), map.cells[row].indices.contains(column) else {
      return nil
    }
    return map.cells[row][column]
  }

  /// GPTQ's own sum, which is a second figure and never a map.
  private var rawLoss: Double? { cell?.values[.rawLoss] }

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let room = buffer.box(
      StyledText("block \(name)"), in: rect, look: look, trailing: mark)
    var line = 0
    let isWide = room.width >= 48
    func put(_ label: ErrorMap.Metric, _ text: StyledText...) {
      let columns = room.row(line).columns([.fixed(isWide ? 24 : 11), .fill()], spacing: 1)
      buffer.line(.dim(isWide ? label.words : label.shortWords), in: columns[0], look: look)
      buffer.line(oneOf: text, in: columns[1], look: look)
      line += 1
    }
    for metric in map.metrics {
      put(
        metric,
        cell?.values[metric].map {
          .strong(metric.text($0)) + .hint("  " + rank(metric, isWide: isWide))
        } ?? .hint("not measured"),
        cell?.values[metric].map {
          .strong(metric.text($0)) + .hint("  " + rank(metric, isWide: false))
        } ?? .hint("not measured"))
    }
    if let rawLoss {
      let value = StyledText(ErrorMap.Metric.rawLoss.text(rawLoss), .dim)
      put(
        .rawLoss, value + .hint("  says nothing across layers"),
        value + .hint("  not across layers"), value + .hint("  per layer only"))
    }
    if let fallback = cell?.fallback {
      buffer.line(.warn("\(look.glyphs.warn) \(fallback)"), in: room.row(line), look: look)
      line += 1
    }
    guard !map.metrics.contains(.aloneKL) else { return }
    buffer.line(
      oneOf: [.hint("i measures the KL of each cell alone"), .hint("i measures KL alone")],
      in: room.row(line), look: look)
  }

  /// Whether the cell is in FP, and why.
  var mark: StyledText {
    if isRestored { return .good(isCandidate ? "F: from the base" : "F: back in FP") }
    return isProtected ? .good("F: FP by the recipe") : ""
  }

  /// The metrics in as few lines of `width` as hold them, for the picture of the details of the cell.
  func lines(width: Int) -> [StyledText] {
    var parts = map.metrics.compactMap { metric -> StyledText? in
      cell?.values[metric].map {
        .dim(metric.shortWords + " ") + .strong(metric.text($0))
          + .hint(" " + rank(metric, isWide: false))
      }
    }
    if let rawLoss {
      parts.append(
        .dim(ErrorMap.Metric.rawLoss.shortWords + " ")
          + StyledText(ErrorMap.Metric.rawLoss.text(rawLoss), .dim)
          + .hint(" says nothing across layers"))
    }
    var lines: [StyledText] = []
    for part in parts {
      if let last = lines.last, last.width + 3 + part.width <= width {
        lines[lines.count - 1] = last + "   " + part
      } else {
        lines.append(part)
      }
    }
    return lines
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
}

/// Which layers to protect first, in words, and the worst cells as bars.
struct ProtectionPanel: Widget {
  var map: ErrorMap
  /// What the cells are ranked by.
  var metric: ErrorMap.Metric
  var advice: ProtectionAdvice?
  /// Whether what is put back comes from the base of a candidate.
  var isCandidate: Bool

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let words = advice.map { StyledText($0.words) }
    let room = buffer.box(
      words == nil ? "worst cells" : "what to protect", in: rect, look: look,
      trailing: .hint(metric.shortWords))
    let wanted = words.map { Paragraph($0).height(forWidth: room.width) } ?? 0
    let (text, below) = room.splitTop(min(wanted, room.height))
    if let words { buffer.draw(Paragraph(words), in: text, look: look) }
    let rest = below.inset(top: wanted > 0 ? 1 : 0)
    var all: [(name: String, value: Double)] = []
    for (row, cells) in map.cells.enumerated() {
      for (column, cell) in cells.enumerated() {
        guard let value = cell.values[metric], value.isFinite else { continue }
        all.append((map.name(row, column), value))
      }
    }
    all.sort { metric.isWorseWhenLarger ? $0.value > $1.value : $0.value < $1.value }
    let isTall = rest.height >= 6
    let bars = all.prefix(max(0, rest.height - (isTall ? 2 : 0))).map {
      BarChart.Bar(
        StyledText($0.name), value: metric.isWorseWhenLargerShown ? metric.shown($0.value) : 1,
        text: StyledText(metric.text($0.value)), role: .series2)
    }
    let (chart, note) = rest.splitTop(bars.count)
    buffer.draw(BarChart(Array(bars)), in: chart, look: look)
    guard isTall else { return }
    buffer.line(
      oneOf: [
        .press("f", "cell ") + .press("-", "row ")
          + .press("|", isCandidate ? "column from the base, " : "column back to FP, ")
          + .press("m", "measures the KL"),
        .press("f", "cell ") + .press("-", "row ")
          + .press("|", isCandidate ? "column from base " : "column to FP ") + .press("m", "KL"),
      ], in: note.inset(top: 1), look: look)
  }
}
