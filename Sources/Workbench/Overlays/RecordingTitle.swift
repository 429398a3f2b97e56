import TerminalUI
import Wording

/// The keys and the picture of the question for a title before a recording begins.
extension RecordingTitle {
  static let bindings: [Binding] = [
    Binding("enter", name: "record", help: "Begin the recording under this title.", isHint: true) {
      state in
      guard case .recordingTitle(let question) = state.overlay else { return [] }
      state.overlay = nil
      let typed = question.editor.text.trimmed
      return [.startRecording(title: typed.isEmpty ? question.suggestion : typed)]
    },
    Binding.closing("esc", help: "Record nothing."),
  ]

  func draw(_ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let width = min(rect.width, 72)
    let began = Quantity.ago(Double(state.now) / 1000)
    let help = TextLayout.wrap(
      "The program began \(began); what was done since then is in the recording too.",
      to: width - 4)
    let room = buffer.modal(
      "Title of the recording", size: Size(width: width, height: 4 + help.count), in: rect,
      footer: StyledText("Enter record  Esc leave", .hint), look: look)
    buffer.textField(
      editor.text, caret: editor.caret, prompt: StyledText("› ", .accent), in: room.row(0),
      look: look)
    for (index, line) in help.enumerated() {
      buffer.line(StyledText(line, .hint), in: room.row(2 + index), look: look)
    }
  }
}
