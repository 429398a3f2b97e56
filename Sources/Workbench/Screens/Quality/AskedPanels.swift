import Engine
import Evaluation
import Models
import TerminalUI
import Wording

/// Facts found again through the cache, by how far back they lie.
struct RecallPanel: Widget {
  var report: RecallReport?
  var baseline: BaselineWords

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let room = buffer.box(
      "recall at depth", in: rect, look: look,
      trailing: report == nil ? "" : .hint("facts found, by tokens back"))
    guard let report, !report.depths.isEmpty else {
      buffer.draw(
        Paragraph(
          .hint(
            "d asks for facts that lie far back, read through the quantized cache. Short texts do "
              + "not show what a KV method loses.")), in: room, look: look)
      return
    }
    let columns: [Table.Column] = [
      Table.Column("back", .right), Table.Column(baseline.short, .right),
      Table.Column("now", .right), Table.Column(""),
    ]
    let rows = report.depths.map { depth -> [StyledText] in
      let lost = depth.baselineCorrect - depth.quantizedCorrect
      return [
        StyledText("\(Quantity.grouped(depth.depth))"),
        StyledText("\(depth.baselineCorrect)/\(depth.questions)"),
        .strong("\(depth.quantizedCorrect)/\(depth.questions)"),
        lost > 0
          ? .warn("\(look.glyphs.warn) \(lost) lost")
          : report.weakness == nil && depth.baselineCorrect > 0
            ? .good("\(look.glyphs.pass)") : .hint("no power"),
      ]
    }
    let (table, rest) = room.splitTop(min(room.height, rows.count + 1))
    buffer.draw(Table(columns, rows: rows), in: table, look: look)
    guard let note = report.caveat ?? report.weakness.map({ "no power: \($0)" }) else { return }
    buffer.draw(Paragraph(.warn("\(look.glyphs.warn) \(note)")), in: rest, look: look)
  }
}

/// Tasks: what both models have right, and whether that tells anything.
struct TasksPanel: Widget {
  var report: TaskReport

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let room = buffer.box(
      "tasks", in: rect, look: look,
      trailing: .hint("\(report.items.count) item\(report.items.count == 1 ? "" : "s")"))
    var row = 0
    for score in report.scores {
      let shares: StyledText =
        .dim(Self.short(score.name) + " ") + StyledText(Quantity.percent(score.baseline.share, 1))
        + StyledText(" \(look.glyphs.arrow) ") + .strong(Quantity.percent(score.quantized.share, 1))
      let flips = "\(score.lost) lost, \(score.gained) gained"
      let p = Quantity.significant(score.p, 2)
      buffer.line(
        oneOf: score.weakness == nil
          ? [
            shares + "  " + StyledText(flips) + .hint(", p \(p)"),
            shares + .hint("  -\(score.lost) +\(score.gained), p \(p)"), shares,
          ]
          : [
            shares + .warn("  \(look.glyphs.warn) no power: FP at chance or failing"),
            shares + .warn("  no power"), .warn("no power"),
          ], in: room.row(row), look: look)
      row += 1
    }
    buffer.line(
      oneOf: [
        .hint("\(report.task): \(PairedTest.name)"), .hint("p: McNemar's exact test"),
        .hint("p: McNemar"),
      ], in: room.row(row), look: look)
  }

  private static func short(_ name: String) -> String {
    switch name {
    case TaskReport.Score.byLength: "by length"
    case "exact answers": "answers"
    default: name
    }
  }
}
