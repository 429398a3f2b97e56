import TerminalUI

/// The filter of a list while it is typed; the list follows at once.
package struct FilterEdit: Hashable, Sendable {
  /// Whose filter it is.
  package enum Target: Hashable, Sendable {
    case models, methods, runs, sessions, lessons

    func get(_ state: State) -> String {
      switch self {
      case .models: state.model.filter
      case .methods: state.method.filter
      case .runs: state.compare.filter
      case .sessions: state.sessions.filter
      case .lessons: state.lessons.filter
      }
    }

    func set(_ text: String, _ state: inout State) {
      switch self {
      case .models:
        state.model.filter = text
        state.model.selected = 0
      case .methods:
        state.method.filter = text
        state.method.selected = 0
      case .runs:
        state.compare.filter = text
        state.compare.selected = 0
      case .sessions:
        state.sessions.filter = text
        state.sessions.selected = 0
      case .lessons:
        state.lessons.filter = text
        state.lessons.selected = 0
      }
    }
  }

  package var target: Target
  package var editor: LineEditor

  static let bindings: [Binding] = [
    Binding("enter", name: "keep", help: "Keep the filter and go back to the list.", isHint: true) {
      state in
      state.overlay = nil
      return []
    },
    Binding("esc", name: "clear", help: "Clear the filter.", isHint: true) { state in
      if case .filter(let filter) = state.overlay { filter.target.set("", &state) }
      state.overlay = nil
      return []
    },
  ]

  /// The `/` key of a screen with a list.
  static func binding(_ target: Target) -> Binding {
    Binding("/", name: "filter", help: "Show only what contains the text you type.", isHint: true) {
      state in
      state.overlay = .filter(FilterEdit(target: target, editor: LineEditor(target.get(state))))
      return []
    }
  }

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let row = rect.row(rect.height - 1)
    buffer.fill(row, style: look.style(.bar))
    buffer.textField(
      editor.text, caret: editor.caret, prompt: StyledText(" / ", .key), in: row, look: look)
  }
}

extension String {
  /// Whether every word of a filter occurs in the text, in any case.
  func satisfies(filter: String) -> Bool {
    let text = lowercased()
    return filter.lowercased().split(separator: " ").allSatisfy { text.contains($0) }
  }
}
