import TerminalUI

/// The keys and the picture of a field while its text is typed.
extension FieldEdit {
  static let bindings: [Binding] = [
    Binding("enter", name: "take", help: "Take the text over.", isHint: true) { state in
      take(&state)
    },
    Binding.closing("esc", help: "Leave the field as it was."),
  ]

  /// Gives the text to the setting, which may refuse it.
  static func take(_ state: inout State) -> [Effect] {
    guard case .edit(var field) = state.overlay else { return [] }
    let screen = Screens.current(state)
    let settings = screen.settings(state) + screen.prompts(state)
    guard let setting = settings.first(where: { $0.label == field.label }) else {
      state.overlay = nil
      return []
    }
    switch setting.take(&state, field.editor.text) {
    case .taken(let effects):
      // It may have led to a question.
      if case .edit = state.overlay { state.overlay = nil }
      return effects
    case .refused(let expected):
      field.problem = "Expected \(expected); found \"\(field.editor.text)\""
      state.overlay = .edit(field)
      return []
    }
  }

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let width = min(rect.width, 72)
    let explanation = TextLayout.wrap(help, to: width - 4)
    let answer = problem.map { TextLayout.wrap($0, to: width - 6) } ?? []
    let own = 2 + 2 + explanation.count + max(1, answer.count)
    let height = own + (isPath ? min(12, max(0, rect.height - own - 2)) : 0)
    let room = buffer.modal(
      StyledText(label), size: Size(width: width, height: height), in: rect,
      footer: StyledText(
        isPath ? "Tab complete  ↑↓ choose  Enter open  Esc leave" : "Enter take  Esc leave", .hint),
      look: look)
    buffer.textField(
      editor.text, caret: editor.caret, prompt: StyledText("› ", .accent), in: room.row(0),
      look: look)
    for (index, line) in explanation.enumerated() {
      buffer.line(StyledText(line, .hint), in: room.row(2 + index), look: look)
    }
    for (index, line) in answer.enumerated() {
      let mark = index == 0 ? "\(look.glyphs.fail) " : "  "
      buffer.line(.bad(mark + line), in: room.row(2 + explanation.count + index), look: look)
    }
    guard isPath else { return }
    let top = 2 + explanation.count + answer.count + (answer.isEmpty ? 1 : 0)
    drawEntries(in: room.inset(top: top), of: &buffer, look: look)
  }
}
