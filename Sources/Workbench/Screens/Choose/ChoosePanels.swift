import Engine
import Evaluation
import Planning
import Quantization
import TerminalUI
import Wording

/// The recommended recipe in a sentence.
struct ChooseAnswer: Widget {
  var report: ChooseReport?
  var workload: Workload

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let room = buffer.box(
      "the recipe", in: rect, look: look,
      trailing: .hint(report?.winner ?? 0 > 0 ? "u takes it" : ""))
    guard let report else {
      buffer.draw(
        Paragraph(
          .hint("For ")
            + StyledText(
              "\(Quantity.grouped(workload.requests)) x \(Quantity.grouped(workload.context)) tokens, prompt "
                + "\(Quantity.grouped(workload.promptTokens)), batch \(Quantity.grouped(workload.batch))"
            )
            + .hint("; 2 changes the workload.")), in: room, look: look)
      return
    }
    let mark: StyledText =
      report.winner == nil
      ? .warn("\(look.glyphs.warn) ") : .good("\(look.glyphs.pass) ")
    buffer.draw(Paragraph(mark + StyledText(report.headline)), in: room, look: look)
  }
}

/// The candidates, the recommended one marked.
struct CandidateTable: Widget {
  var rows: [ChooseReport.Row]
  var winner: Int?
  var selected: Int
  var isFocused: Bool

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let room = buffer.box(
      "candidates", in: rect, look: look, trailing: .hint(isFocused ? "" : "Tab to look"),
      isFocused: isFocused)
    let (body, note) = room.splitBottom(isFocused && room.height >= 6 ? 1 : 0)
    // A narrow table keeps the names of the recipes whole.
    let isWide = room.width >= 110
    let more = [
      Table.Column("KL at depth", .right), Table.Column("top-1", .right),
      Table.Column("a request", .right),
      Table.Column("perplexity", .right), Table.Column("windows", .right),
    ]
    let columns =
      [
        Table.Column(""), Table.Column("recipe", widest: 60), Table.Column("KL", .right),
        Table.Column("as fast", .right), Table.Column("bytes", .right), Table.Column("stands"),
      ] + (isWide ? more : [])
    buffer.draw(
      Table(
        columns,
        rows: rows.enumerated().map { place, row in
          Array(cells(row, isWinner: place == winner, look).prefix(columns.count))
        }, selected: isFocused ? selected : nil), in: body, look: look)
    guard note.height > 0, rows.indices.contains(selected) else { return }
    let row = rows[selected]
    buffer.line(
      .hint(row.reason.isEmpty ? "\(row.recipe)" : "\(row.recipe): \(row.reason)"),
      in: note.row(0), look: look)
  }

  private func cells(_ row: ChooseReport.Row, isWinner: Bool, _ look: Look) -> [StyledText] {
    let isOver = row.isWithin == false
    return [
      isWinner ? .good(String(look.glyphs.pass)) : "",
      StyledText("\(row.recipe)", row.recipe.isBaseline ? .dim : isWinner ? .strong : .text),
      row.kl.map { StyledText(Quantity.significant($0.mean), isOver ? .warn : .text) }
        ?? .hint("–"),
      row.timing.map { StyledText(Quantity.times($0.speedup.median)) } ?? .hint("–"),
      StyledText(Quantity.bytes(row.bytes)), stands(row),
      row.atDepth.map {
        StyledText("\(Quantity.significant($0.kl.mean)) (\(Quantity.grouped($0.depth)))")
      } ?? .hint("–"),
      row.topOne.map { StyledText(Quantity.percent($0, 1)) } ?? .hint("–"),
      row.timing.map { StyledText(Quantity.seconds($0.request)) } ?? .hint("–"),
      row.perplexity.map { StyledText(Quantity.fixed($0.mean, 3)) } ?? .hint("–"),
      row.windows > 0 ? StyledText("\(row.windows)") : .hint("–"),
    ]
  }

  private func stands(_ row: ChooseReport.Row) -> StyledText {
    if row.recipe.isBaseline { return .dim("baseline") }
    if row.isWithin == false, row.standing == .finalist || row.standing == .untimed {
      return .warn("over the limits")
    }
    return switch row.standing {
    case .finalist: .good("timed")
    case .untimed: StyledText(row.kl == nil ? "waits" : "measured")
    case .left: .dim("left early")
    case .refused: .dim("left out")
    case .notReached: .hint("not measured")
    }
  }
}
