import Engine
import Evaluation
import TerminalUI
import Wording

/// How far all tasks have come.
struct SweepProgress: Widget {
  var report: SweepReport

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let name = report.path.split(separator: "/").last.map(String.init) ?? report.path
    let room = buffer.box(
      StyledText(name), in: rect, look: look,
      trailing: report.isRunning ? .accent("\(look.glyphs.play) runs here") : .hint(""))
    let share = Double(report.finished) / Double(max(1, report.tasks))
    buffer.draw(
      Gauge(share, text: .strong(Quantity.percent(share))), in: room.row(0), look: look)
    let waiting = report.tasks - report.finished - report.failed
    var words =
      StyledText(
        "\(Quantity.grouped(report.finished)) of \(Quantity.grouped(report.tasks)) tasks finished")
    if waiting > 0 { words += .dim(", \(Quantity.grouped(waiting)) wait") }
    if report.failed > 0 {
      words += StyledText(", ") + .bad("\(Quantity.grouped(report.failed)) failed")
    }
    buffer.line(words, in: room.row(1), look: look)
  }
}

/// Tasks down, what came of each across.
struct SweepTaskTable: Widget {
  var rows: [SweepReport.Row]
  var report: SweepReport
  var view: SweepScreen.View

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let left = report.tasks - report.rows.count
    let room = buffer.box(
      view.showsFailed ? "tasks that failed" : "tasks", in: rect, look: look,
      trailing: left > 0
        ? .hint("\(Quantity.grouped(left)) more are not listed")
        : .hint(view.filter.isEmpty ? "" : "/\(view.filter)"), isFocused: true)
    let hasModels = Set(report.rows.map(\.model)).count > 1
    let isServed = report.rows.contains { $0.firstToken != nil }
    let columns =
      [Table.Column("")] + (hasModels ? [Table.Column("model", widest: 24)] : [])
      + [Table.Column("recipe", widest: 36), Table.Column("measured by", widest: 36)]
      + [Table.Column("KL", .right), Table.Column("perplexity", .right, isOptional: true)]
      + [Table.Column("top-1", .right, isOptional: true)]
      + (isServed ? [Table.Column("first token", .right), Table.Column("tok/s", .right)] : [])
    let cells = rows.map { row -> [StyledText] in
      [mark(row, look)] + (hasModels ? [.dim(row.model)] : [])
        + [StyledText(row.recipeName), .dim(row.measure)]
        + figures(row) + (isServed ? served(row) : [])
    }
    buffer.draw(
      Table(
        columns, rows: cells, selected: cells.isEmpty ? nil : view.selected,
        placeholder: .hint(view.showsFailed ? "None failed." : "Nothing matches.")), in: room,
      look: look)
  }

  private func mark(_ row: SweepReport.Row, _ look: Look) -> StyledText {
    if row.isFinished { return .good(String(look.glyphs.pass)) }
    return row.failure == nil ? .hint("–") : .bad(String(look.glyphs.fail))
  }

  private func figures(_ row: SweepReport.Row) -> [StyledText] {
    guard let report = row.evaluation else { return [.hint("–"), .hint("–"), .hint("–")] }
    return [
      StyledText(Quantity.significant(report.kl.mean)),
      StyledText(Quantity.perplexity(report.perplexity)),
      StyledText(Quantity.percent(report.topOneAgreement, 1)),
    ]
  }

  private func served(_ row: SweepReport.Row) -> [StyledText] {
    [
      row.firstToken.map { StyledText(Quantity.seconds($0)) } ?? .hint("–"),
      row.tokenRate.map { StyledText(Quantity.significant($0)) } ?? .hint("–"),
    ]
  }
}

/// The task under the cursor: what came of it, or what it said last.
struct SweepDetail: Widget {
  var row: SweepReport.Row?

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    guard let row else {
      _ = buffer.box("task", in: rect, look: look)
      return
    }
    let room = buffer.box(StyledText("task \(row.index): \(row.recipeName)"), in: rect, look: look)
    if let failure = row.failure {
      buffer.line(
        .bad("\(look.glyphs.fail) exit code \(failure.code)")
          + .dim(" in \(failure.attempts) \(failure.attempts == 1 ? "attempt" : "attempts")"),
        in: room.row(0), look: look)
      let words = failure.lines.suffix(4).joined(separator: "\n")
      return buffer.draw(Paragraph(StyledText(words)), in: room.splitTop(1).rest, look: look)
    }
    buffer.line(.dim(row.measure), in: room.row(0), look: look)
    guard let report = row.evaluation else {
      let words =
        row.firstToken.map {
          "99 of 100 requests have their first token after \(Quantity.seconds($0))"
        }
        ?? "waits"
      return buffer.line(StyledText(words), in: room.row(1), look: look)
    }
    buffer.line(
      StyledText(
        "KL \(Quantity.significant(report.kl.mean)), perplexity \(Quantity.perplexity(report.perplexity)), "
          + "weights \(Quantity.bytes(report.weightBytes)), cache \(Quantity.bytes(report.kvBytesPerToken)) a token"
      ),
      in: room.row(1), look: look)
  }
}
