import Engine
import Planning
import TerminalUI
import Wording

extension PlanReport {
  /// The piece of advice that is read.
  func advice(at selected: Int) -> Advice? {
    advice.isEmpty ? nil : advice[min(max(0, selected), advice.count - 1)]
  }
}

/// The methods for a target in order, why each stands there, and what would change it.
struct MethodOrder: Widget {
  var plan: PlanReport
  var selected: Int

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    guard let advice = plan.advice(at: selected) else { return }
    let room = buffer.box(
      "methods", in: rect, look: look, trailing: .hint("for the \(advice.target.words), best first")
    )
    guard !advice.ranking.isEmpty else {
      return buffer.draw(
        Paragraph(.hint(advice.methods.joined(separator: ", "))), in: room, look: look)
    }
    var text = StyledText([])
    for (index, method) in advice.ranking.enumerated() {
      if index > 0 { text += "\n" }
      text += .dim("\(index + 1) ") + .strong(method.name) + StyledText(": \(method.why)")
      if !method.wouldChange.isEmpty { text += .hint(". Would change: \(method.wouldChange)") }
    }
    buffer.draw(Paragraph(text), in: room, look: look)
  }
}

/// Which runtimes execute the setting that a target would first be tried in.
struct TargetCoverage: Widget {
  var plan: PlanReport
  var selected: Int

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    guard let advice = plan.advice(at: selected) else { return }
    let dates = Set(advice.coverage.compactMap(\.asOf)).sorted()
    let room = buffer.box(
      StyledText("who runs \(advice.setting)"), in: rect, look: look,
      trailing: dates.last.map { .hint("as of \($0)") } ?? .hint(""))
    guard !advice.coverage.isEmpty else {
      return buffer.draw(Paragraph(.hint("Not in this report.")), in: room, look: look)
    }
    buffer.draw(
      CoverageRows(coverage: advice.coverage, isCompact: room.width < 60), in: room, look: look)
  }
}

/// The cache in numbers: the formula, what windows, sharing and blocks make of it, and what filled caches held.
struct CacheFacts: Widget {
  var plan: PlanReport
  var measured: CacheMeasurement?

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let room = buffer.box(
      "the cache", in: rect, look: look,
      trailing: measured == nil
        ? StyledText("f", .key) + .hint(" fills caches and measures them")
        : .hint("measured next to the plan"))
    let table = measured.map { min(room.height / 2, $0.rows.filter(Self.isShown).count + 2) } ?? 0
    let (top, rest) = room.splitTop(table)
    if let measured, table > 0 { draw(measured, in: top, of: &buffer, look: look) }
    var text = StyledText("")
    for warning in plan.warnings {
      text += .warn("\(look.glyphs.warn) ") + StyledText(warning + "\n")
    }
    text += .dim("a token: ") + StyledText(plan.kvFormula)
    for note in plan.kvNotes { text += StyledText("\n") + StyledText(note) }
    if plan.cacheKeptWhole > plan.memory.kvCache {
      text +=
        StyledText("\nNibble's own cache keeps what lies before a window: it holds ")
        + .strong(Quantity.bytes(plan.cacheKeptWhole)) + StyledText(".")
    }
    if !plan.activationFormula.isEmpty {
      text += .dim("\nactivations: ") + .hint(plan.activationFormula)
    }
    buffer.draw(Paragraph(text), in: rest, look: look)
  }

  /// Powers of two are enough to read.
  private static func isShown(_ row: CacheMeasurement.Row) -> Bool {
    row.sequences > 0 && row.sequences & (row.sequences - 1) == 0
  }

  private func draw(
    _ measured: CacheMeasurement, in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    buffer.line(
      .dim("filled ")
        + StyledText(
          "\(Quantity.grouped(measured.context)) tokens, "
            + "\(Quantity.grouped(measured.sharedTokens)) common, \(measured.format): ")
        + .strong(measured.verdict), in: rect.row(0), look: look)
    let columns: [Table.Column] = [
      Table.Column("sequences", .right), Table.Column("planned", .right),
      Table.Column("resident", .right), Table.Column("", .right),
    ]
    buffer.draw(
      Table(
        columns,
        rows: measured.rows.filter(Self.isShown).map { row in
          [
            StyledText("\(row.sequences)"), StyledText(Quantity.bytes(measured.pages(row))),
            StyledText(Quantity.bytes(Double(row.resident))),
            .hint(Quantity.percent(measured.difference(row), 1)),
          ]
        }), in: rect.inset(top: 1), look: look)
  }
}
