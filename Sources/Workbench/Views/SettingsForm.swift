import TerminalUI

/// A screen's form with the explanation of the chosen field below it.
struct SettingsForm: Widget {
  var settings: [Setting]
  var selected: Int?

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let chosen = selected.flatMap { settings.indices.contains($0) ? settings[$0] : nil }
    let wanted = chosen.map { TextLayout.wrap($0.help, to: rect.width).count + 1 } ?? 0
    let spare = max(0, rect.height - settings.count)
    let help = spare >= 2 ? min(wanted, spare) : 0
    let (top, bottom) = rect.splitBottom(help)
    buffer.draw(Form(settings.map(\.field), selected: selected), in: top, look: look)
    guard let chosen, help > 0 else { return }
    buffer.draw(Paragraph(.hint(chosen.help)), in: bottom.inset(top: 1), look: look)
  }
}
