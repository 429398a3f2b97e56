package import TerminalUI

/// The course: its lessons with what was done of each, in the language that is chosen.
package enum LessonsScreen: Screen {
  package static let id = "lessons"
  package static let title = "Lessons"
  package static let question = "What do you want to learn about quantizing a model?"

  /// Where the cursor is, and the language that is chosen.
  package struct View: Filtered {
    package var selected = 0
    package var filter = ""
    /// nil for the user's own.
    package var language: String?

    package init() {}
  }

  package static let shortcut = Shortcut(
    "L", name: "lessons", help: "Browse the lessons.")

  package static let bindings: [Binding] = [
    Binding(
      ".", name: "language", help: "The lessons in the next language.", isHint: true,
      unless: {
        languages($0).count > 1 ? nil : "The lessons are in one language only"
      }
    ) { state in
      let languages = languages(state)
      let index = languages.firstIndex { $0 == language(state) } ?? 0
      state[LessonsScreen.self].language = languages[(index + 1) % languages.count]
      return []
    },
    Binding(
      "ctrl+x", name: "leave the lesson", help: "Leave the lesson that is being taken.",
      unless: { $0.lesson == nil ? "No lesson is being taken" : nil }
    ) { state in state.leaveLesson() },
    filterBinding,
  ]

  /// The language that is chosen, or the user's own.
  private static func language(_ state: State) -> String {
    state[LessonsScreen.self].language ?? state.catalog.language
  }

  private static func languages(_ state: State) -> [String] {
    Set(state.catalog.lessons.flatMap(\.languages)).sorted()
  }

  static func entries(_ state: State) -> [LessonEntry] {
    let filter = state[LessonsScreen.self].filter
    return state.catalog.lessons.filter { entry in
      "\(entry.id) \(entry.titles.values.joined(separator: " "))".satisfies(filter: filter)
    }
  }

  private static func chosen(_ state: State) -> LessonEntry? {
    let entries = entries(state)
    let place = state[LessonsScreen.self].selected
    return entries.indices.contains(place) ? entries[place] : nil
  }

  package static func step(_ state: State) -> Step? {
    guard let entry = chosen(state) else { return .go("back to the model", to: Place.model) }
    guard entry.stops > 0, !entry.languages.isEmpty else { return nil }
    let language = language(state)
    return Step("begin") { _ in [.openLesson(path: entry.path, language: language)] }
  }

  package static func standstill(_ state: State) -> String {
    chosen(state)?.problem.map { "This lesson cannot be taken: \($0)" } ?? "Nothing is chosen"
  }

  package static func move(_ motion: Motion, _ state: inout State) -> [Effect] {
    state[LessonsScreen.self].selected = motion.moved(
      state[LessonsScreen.self].selected, count: entries(state).count)
    return []
  }

  package static func draw(
    _ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    let view = state[LessonsScreen.self]
    LessonList(
      entries: entries(state), selected: view.selected, filter: view.filter,
      language: language(state)
    ).draw(in: rect, of: &buffer, look: look)
  }
}
