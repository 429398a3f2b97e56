package import Engine
import TerminalUI

/// A question before something that cannot be taken back; it names what would be lost.
package struct Confirmation: Hashable, Sendable {
  package enum Purpose: Hashable, Sendable {
    case quit
    case cancel(id: JobID)
  }

  package var purpose: Purpose
  /// The job that would be lost.
  package var title: String

  package init(_ purpose: Purpose, title: String) {
    self.purpose = purpose
    self.title = title
  }

  static let bindings: [Binding] = [
    Binding("y", name: "yes", help: "Do it.", isHint: true) { state in
      guard case .confirm(let question) = state.overlay else { return [] }
      state.overlay = nil
      switch question.purpose {
      case .quit: return [.quit]
      case .cancel(let id): return [.cancel(id: id)]
      }
    },
    Overlay.closing("n", "esc", "q", help: "Leave everything as it is."),
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
