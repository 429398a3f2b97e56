package import TerminalUI

/// The course: lessons with narration, tasks and questions, by language.
package enum LessonsScreen: Screen {
  package static let id = "lessons"
  package static let title = "Lessons"
  package static let question = "What do you want to learn about quantizing a model?"

  /// Where the cursor is, and the language that is shown.
  package struct View: Filtered {
    package var selected = 0
    package var filter = ""
    /// nil shows all.
    package var language: String?

    package init() {}
  }

  package static let shortcut = Shortcut(
    "L", name: "lessons", help: "Browse the lessons.")

  package static let bindings: [Binding] = [
    Binding("a", name: "language", help: "Lessons of the next language, or of all.", isHint: true) {
      state in
      let languages = Set(state.catalog.sessions.filter { $0.kind == .lesson }.map(\.language))
        .sorted()
      let choices: [String?] = [nil] + languages
      let index = choices.firstIndex { $0 == state[LessonsScreen.self].language } ?? 0
      state[LessonsScreen.self].language = choices[(index + 1) % choices.count]
      state[LessonsScreen.self].selected = 0
      return []
    },
    filterBinding,
  ]

  static func entries(_ state: State) -> [SessionEntry] {
    let view = state[LessonsScreen.self]
    return state.catalog.sessions.filter {
      $0.kind == .lesson && (view.language == nil || $0.language == view.language)
        && "\($0.title) \($0.path)".satisfies(filter: view.filter)
    }
  }

  package static func step(_ state: State) -> Step? {
    let entries = entries(state)
    guard entries.indices.contains(state[LessonsScreen.self].selected) else {
      return .go("back to the model", to: Place.model)
    }
    let entry = entries[state[LessonsScreen.self].selected]
    guard entry.problem == nil else { return nil }
    return Step("begin") { _ in [.openSession(path: entry.path)] }
  }

  package static func standstill(_ state: State) -> String {
    let entries = entries(state)
    let place = state[Self.self].selected
    let problem = entries.indices.contains(place) ? entries[place].problem : nil
    return problem.map { "This file cannot be played: \($0)" } ?? "Nothing is chosen"
  }

  package static func move(_ motion: Motion, _ state: inout State) -> [Effect] {
    state[LessonsScreen.self].selected = motion.moved(
      state[LessonsScreen.self].selected, count: entries(state).count)
    return []
  }

  package static func draw(
    _ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    let language = state[LessonsScreen.self].language.map { ", \($0)" } ?? ""
    let list = SessionList(
      heading: "lessons\(language)", entries: entries(state),
      selected: state[LessonsScreen.self].selected,
      filter: state[LessonsScreen.self].filter,
      empty: [
        "A lesson explains, lets you try on your own keyboard, and asks. None was found; they "
          + "are looked for in the Sessions folder (nibble doctor says where).", "",
        .press("1", "goes back to the model"),
      ])
    list.draw(in: rect, of: &buffer, look: look)
  }
}
