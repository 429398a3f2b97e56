import Planning
import TerminalUI
import Wording

/// A line for each runtime: native, expanded or refused, why, and what it would run natively.
struct CoverageRows: Widget {
  var coverage: [RuntimeCoverage]
  /// Whether marks stand for words, and lines run on: for little room.
  var isCompact = false

  func draw(in room: Rect, of buffer: inout CellBuffer, look: Look) {
    if isCompact { return buffer.draw(Paragraph(compact(look)), in: room, look: look) }
    let names = min(coverage.map { ScalarWidth.of($0.runtime) }.max() ?? 0, room.width / 3)
    var row = 0
    var spare = room.height - coverage.count
    for entry in coverage where row < room.height {
      let (mark, role, word) = Self.sign(entry.support, look)
      let columns = room.row(row).columns([.fixed(10), .fixed(names), .fill()], spacing: 1)
      buffer.line(StyledText("\(mark) \(word)", role), in: columns[0], look: look)
      buffer.line(StyledText(entry.runtime), in: columns[1], look: look)
      var reason = entry.constraint
      if !entry.nearest.isEmpty { reason += "; native: \(entry.nearest)" }
      let lines = TextLayout.wrap(reason, to: max(1, columns[2].width))
      let shown = min(lines.count, 1 + max(0, spare))
      if shown < lines.count {
        buffer.line(.hint(reason), in: columns[2], look: look)
      } else {
        for (index, line) in lines.enumerated() {
          let place = Rect(
            x: columns[2].x, y: room.y + row + index, width: columns[2].width, height: 1)
          buffer.line(.hint(line), in: place.intersection(room), look: look)
        }
        spare -= max(0, lines.count - 1)
        row += max(0, lines.count - 1)
      }
      row += 1
    }
  }

  private func compact(_ look: Look) -> StyledText {
    var text = StyledText([])
    for (index, entry) in coverage.enumerated() {
      let (mark, role, _) = Self.sign(entry.support, look)
      text += StyledText((index > 0 ? "\n" : "") + "\(mark) ", role) + StyledText(entry.runtime)
      if !entry.constraint.isEmpty { text += .hint(": \(entry.constraint)") }
      if !entry.nearest.isEmpty { text += .hint(" \(look.glyphs.arrow) \(entry.nearest)") }
    }
    return text
  }

  static func sign(
    _ support: RuntimeCoverage.Support, _ look: Look
  ) -> (Unicode.Scalar, Role, String) {
    switch support {
    case .native: (look.glyphs.pass, .good, "native")
    case .fallback: (look.glyphs.warn, .warn, "expanded")
    case .refused: (look.glyphs.fail, .bad, "refused")
    }
  }
}
