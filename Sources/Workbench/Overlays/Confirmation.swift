import TerminalUI

/// The keys and the picture of a question before something that cannot be taken back.
extension Confirmation {
  static let bindings: [Binding] = [
    Binding("y", name: "yes", help: "Do it.", isHint: true) { state in
      guard case .confirm(let question) = state.overlay else { return [] }
      state.overlay = nil
      switch question.purpose {
      case .quit: return [.quit]
      case .cancel(let id): return [.cancel(id: id)]
      }
    },
    Binding.closing("n", "esc", "q", help: "Leave everything as it is."),
  ]

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let question =
      switch purpose {
      case .quit: "Quit while this runs? It will be cancelled:"
      case .cancel: "Cancel this job?"
      }
    let lines: [StyledText] = [
      .strong(question), StyledText("  " + title), "",
      StyledText("y", .key) + " yes    " + StyledText("n", .key) + " no, go on",
    ]
    let width = min(rect.width, max(36, (lines.map(\.width).max() ?? 0) + 6))
    let room = buffer.modal(
      "Really?", size: Size(width: width, height: lines.count + 2), in: rect, look: look)
    for (index, line) in lines.enumerated() {
      buffer.line(line, in: room.row(index), look: look)
    }
  }
}
