import TerminalUI
import Wording

/// A list of sessions or lessons with what is known of the chosen one.
struct SessionList: Widget {
  var heading: String
  var entries: [SessionEntry]
  var selected: Int
  var filter: String
  var empty: [StyledText]

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    guard !entries.isEmpty || !filter.isEmpty else {
      buffer.draw(EmptyState("Nothing here yet", empty), in: rect, look: look)
      return
    }
    let rows = rect.rows([.fill(), .fixed(min(7, rect.height / 3))])
    let room = buffer.box(
      StyledText(heading), in: rows[0], look: look,
      trailing: filter.isEmpty ? "" : .hint("/\(filter)"), isFocused: true)
    let columns: [Table.Column] = [
      Table.Column("title", widest: 70), Table.Column("length", .right),
      Table.Column("tasks", .right, isOptional: true), Table.Column("language", isOptional: true),
      Table.Column("", widest: 30),
    ]
    let table = entries.map { entry -> [StyledText] in
      [
        StyledText(entry.title),
        StyledText(Quantity.seconds(Double(entry.milliseconds) / 1000)),
        entry.exercises > 0 ? "\(entry.exercises)" : "", .dim(entry.language),
        entry.problem == nil ? "" : .bad("\(look.glyphs.fail) cannot be played"),
      ]
    }
    buffer.draw(
      Table(
        columns, rows: table, selected: entries.isEmpty ? nil : selected,
        placeholder: .hint("Nothing matches.")), in: room, look: look)
    let detail = buffer.box("chosen", in: rows[1], look: look)
    guard entries.indices.contains(selected) else { return }
    let entry = entries[selected]
    buffer.line(.strong(entry.title), in: detail.row(0), look: look)
    let path = TextLayout.truncateFront(entry.path, to: detail.width)
    buffer.line(.dim(path), in: detail.row(1), look: look)
    let text: StyledText =
      entry.problem.map { .bad("\(look.glyphs.fail) \($0)") }
      ?? .hint("Enter plays it: Space pauses, . and , step, ← → seek, f takes over live.")
    buffer.draw(Paragraph(text), in: detail.splitTop(2).rest, look: look)
  }
}
