import Engine
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
      case .deleteRun(let id): return state.start(EditRunJob(run: id, edit: .delete))
      case .replace(let request): return state.start(request.job)
      }
    },
    Binding.closing("n", "esc", "q", help: "Leave everything as it is."),
  ]

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let question =
      switch purpose {
      case .quit: "Quit while this runs? It will be cancelled:"
      case .cancel: "Cancel this job?"
      case .deleteRun: "Delete this run, its receipt and its page?"
      case .replace(let request):
        "\(request.words.prefix(1).uppercased() + request.words.dropFirst())? No run keeps what was measured:"
      }
    let lines: [StyledText] = [
      .strong(question), StyledText("  " + title), "",
      StyledText("y", .key) + " yes    " + StyledText("n", .key) + " no, go on",
    ]
    let width = max(36, (lines.map(\.width).max() ?? 0) + 6)
    buffer.draw(Modal("Really?", lines: lines, width: width), in: rect, look: look)
  }
}
