import TerminalUI

/// The keys and the picture of a list's filter while it is typed.
extension FilterEdit {
  static let bindings: [Binding] = [
    Binding("enter", name: "keep", help: "Keep the filter and go back to the list.", isHint: true) {
      state in
      state.overlay = nil
      return []
    },
    Binding("esc", name: "clear", help: "Clear the filter.", isHint: true) { state in
      if case .filter(let filter) = state.overlay { filter.apply("", &state) }
      state.overlay = nil
      return []
    },
  ]

  /// Thins out the list of the screen.
  func apply(_ text: String, _ state: inout State) {
    Screens.named(screen)?.filter(text, &state)
  }

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let row = rect.row(rect.height - 1)
    buffer.fill(row, style: look.style(.bar))
    buffer.textField(
      editor.text, caret: editor.caret, prompt: StyledText(" / ", .key), in: row, look: look)
  }
}
