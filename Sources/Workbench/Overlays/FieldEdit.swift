import TerminalUI

/// The keys and the picture of a field while its text is typed.
extension FieldEdit {
  static let bindings: [Binding] = [
    Binding("enter", name: "take", help: "Take the text over.", isHint: true) { state in
      guard case .edit(var field) = state.overlay else { return [] }
      let screen = Screens.current(state)
      let settings = screen.settings(state) + screen.prompts(state)
      guard let setting = settings.first(where: { $0.label == field.label }) else {
        state.overlay = nil
        return []
      }
      switch setting.take(&state, field.editor.text) {
      case .taken(let effects):
        state.overlay = nil
        return effects
      case .refused(let expected):
        field.problem = "Expected \(expected); found \"\(field.editor.text)\""
        state.overlay = .edit(field)
        return []
      }
    },
    Binding.closing("esc", help: "Leave the field as it was."),
  ]

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let width = min(rect.width, 72)
    let explanation = TextLayout.wrap(help, to: width - 4)
    let answer = problem.map { TextLayout.wrap($0, to: width - 6) } ?? []
    let height = 2 + 2 + explanation.count + max(1, answer.count)
    let room = buffer.modal(
      StyledText(label), size: Size(width: width, height: height), in: rect,
      footer: StyledText("Enter take  Esc leave", .hint), look: look)
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
  }
}
