import TerminalUI

/// The lessons of the course, what was done of each, and what is wrong with the chosen one.
struct LessonList: Widget {
  var entries: [LessonEntry]
  var selected: Int
  var filter: String
  var language: String

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    guard !entries.isEmpty || !filter.isEmpty else {
      let empty: [StyledText] = [
        "A lesson explains next to the real screen, lets you guess and try, and measures. None was "
          + "found; they are looked for in Sessions/Lessons (nibble doctor says where).", "",
        .press("1", "goes back to the model"),
      ]
      buffer.draw(EmptyState("Nothing here yet", empty), in: rect, look: look)
      return
    }
    let rows = rect.rows([.fill(), .fixed(min(7, rect.height / 3))])
    let room = buffer.box(
      StyledText("lessons, \(language)"), in: rows[0], look: look,
      trailing: filter.isEmpty ? "" : .hint("/\(filter)"), isFocused: true)
    let columns: [Table.Column] = [
      Table.Column("", .right), Table.Column("title", widest: 60), Table.Column("minutes", .right),
      Table.Column("done", .right), Table.Column("languages", isOptional: true),
    ]
    let table = entries.map { entry -> [StyledText] in
      [
        StyledText(entry.number > 0 ? "\(entry.number)" : "", .hint),
        StyledText(entry.title(language)), "\(entry.minutes)", done(entry, look: look),
        .dim(entry.languages.joined(separator: " ")),
      ]
    }
    buffer.draw(
      Table(
        columns, rows: table, selected: entries.isEmpty ? nil : selected,
        placeholder: .hint("Nothing matches.")), in: room, look: look)
    let detail = buffer.box("chosen", in: rows[1], look: look)
    guard entries.indices.contains(selected) else { return }
    let entry = entries[selected]
    buffer.line(.strong(entry.title(language)), in: detail.row(0), look: look)
    buffer.line(
      .dim(TextLayout.truncateFront(entry.path, to: detail.width)), in: detail.row(1), look: look)
    let text: StyledText =
      entry.problem.map { .bad("\(look.glyphs.fail) \($0)") }
      ?? .hint("Enter begins it, next to the real screens; ] and [ go on and back, Ctrl-X leaves.")
    buffer.draw(Paragraph(text), in: detail.splitTop(2).rest, look: look)
  }

  private func done(_ entry: LessonEntry, look: Look) -> StyledText {
    if entry.problem != nil { return .bad("\(look.glyphs.fail)") }
    if entry.done == 0 { return .dim("-") }
    let text = "\(entry.done)/\(entry.stops)"
    return entry.done >= entry.stops ? .good("\(look.glyphs.pass) \(text)") : StyledText(text)
  }
}
