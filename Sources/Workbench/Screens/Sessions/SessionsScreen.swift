package import TerminalUI

/// The recorded sessions: what there is, and Enter to play one.
package enum SessionsScreen: Screen {
  package static let id = "sessions"
  package static let title = "Sessions"
  package static let question =
    "Which recorded session do you want to play, step through or take over?"

  /// Where the cursor is.
  package struct View: Filtered {
    package var selected = 0
    package var filter = ""

    package init() {}
  }

  package static let shortcut = Shortcut(
    "S", name: "sessions", help: "Browse recorded sessions.")

  package static let bindings: [Binding] = [filterBinding]

  static func entries(_ state: State) -> [SessionEntry] {
    state.catalog.sessions.filter {
      "\($0.title) \($0.path) \($0.language)".satisfies(filter: state[SessionsScreen.self].filter)
    }
  }

  package static func step(_ state: State) -> Step? {
    let entries = entries(state)
    guard entries.indices.contains(state[SessionsScreen.self].selected) else {
      return .go("back to the model", to: Place.model)
    }
    let entry = entries[state[SessionsScreen.self].selected]
    guard entry.problem == nil else { return nil }
    return Step("play") { _ in [.openSession(path: entry.path)] }
  }

  package static func standstill(_ state: State) -> String {
    let entries = entries(state)
    let place = state[Self.self].selected
    let problem = entries.indices.contains(place) ? entries[place].problem : nil
    return problem.map { "This file cannot be played: \($0)" } ?? "Nothing is chosen"
  }

  package static func move(_ motion: Motion, _ state: inout State) -> [Effect] {
    state[SessionsScreen.self].selected = motion.moved(
      state[SessionsScreen.self].selected, count: entries(state).count)
    return []
  }

  package static func draw(
    _ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    let list = SessionList(
      heading: "sessions", entries: entries(state), selected: state[SessionsScreen.self].selected,
      filter: state[SessionsScreen.self].filter,
      empty: [
        "A session is everything that was done and measured, recorded as it happened. It plays "
          + "without the model: step, seek, change the speed, and take over at any point.", "",
        .press("r", "starts a recording of what you do"),
        .press("1", "goes back to the model"),
      ])
    list.draw(in: rect, of: &buffer, look: look)
  }
}
