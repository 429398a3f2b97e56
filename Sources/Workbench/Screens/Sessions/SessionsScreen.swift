package import TerminalUI

/// The recorded sessions: what there is, and Enter to play one.
package enum SessionsScreen: Screen {
  package static let id = "sessions"
  package static let title = "Sessions"
  package static let question =
    "Which recorded session do you want to play, step through or take over?"

  /// Where the cursor is.
  package struct View: Hashable, Sendable {
    package var selected = 0
    package var filter = ""

    package init() {}
  }

  package static let bindings: [Binding] = [FilterEdit.binding(.sessions)]

  static func entries(_ state: State) -> [SessionEntry] {
    state.catalog.sessions.filter {
      $0.kind == .session
        && "\($0.title) \($0.path) \($0.language)".satisfies(filter: state.sessions.filter)
    }
  }

  package static func step(_ state: State) -> Step? {
    let entries = entries(state)
    guard entries.indices.contains(state.sessions.selected) else {
      return .go("back to the model", to: ModelScreen.id)
    }
    let entry = entries[state.sessions.selected]
    guard entry.problem == nil else { return nil }
    return Step("play") { _ in [.openSession(path: entry.path)] }
  }

  package static func move(_ motion: Motion, _ state: inout State) -> [Effect] {
    state.sessions.selected = motion.moved(state.sessions.selected, count: entries(state).count)
    return []
  }

  package static func draw(
    _ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    let list = SessionList(
      heading: "sessions", entries: entries(state), selected: state.sessions.selected,
      filter: state.sessions.filter,
      empty: [
        "A session is everything that was done and measured, recorded as it happened. It plays "
          + "without the model: step, seek, change the speed, and take over at any point.", "",
        .press("r", "starts a recording of what you do"),
        .press("1", "goes back to the model"),
      ])
    list.draw(in: rect, of: &buffer, look: look)
  }
}
