package import TerminalUI

/// All that the workbench knows and shows; changed only by `update`.
package struct State: Hashable, Sendable {
  /// The terminal's size.
  package var size = Size(width: 100, height: 30)
  /// Milliseconds since the program started.
  package var now = 0
  package var catalog = Catalog()
  package var facts = Facts()
  package var choices = Choices()
  /// What the choices were, for whoever takes the last one back.
  package internal(set) var past = Past()
  package var jobs = JobBoard()
  package var notices: [Notice] = []
  /// The screen that is shown, by its id.
  package private(set) var screen = Place.model
  /// What lies over the screen and has the keyboard.
  package var overlay: Overlay?
  /// The theme in use, by name.
  package var theme = Theme.default.name
  /// The theme that the picker tries on.
  package var previewedTheme: String?
  /// The file that is being recorded to.
  package var recording: String?
  /// The lesson that is taken.
  package internal(set) var lesson: LessonRun?
  /// Why nothing can be measured: a session was taken over whose model is not here.
  package internal(set) var readOnly: String?
  /// Whether a lesson is shown to a room.
  package internal(set) var isPresenting = false

  /// The runs that the plan has seen, by id: what they measured corrects it.
  var plannedRuns: [String] = []

  /// What the screens remember of their cursors; a screen reaches its own by `state[Self.self]`.
  var views = RoomStore()
  /// How often a screen was gone to.
  private(set) var visits = 0

  package init(size: Size = Size(width: 100, height: 30)) { self.size = size }

  /// The theme to draw with.
  package var shownTheme: String { previewedTheme ?? theme }

  /// Milliseconds until the next tick is worth sending; nil when nothing on the screen moves by itself.
  package var nextTick: Int? {
    if jobs.active?.status == .running { return 250 }
    if let lesson, lesson.lesson.limit != nil || isPresenting { return 1000 }
    return notices.isEmpty ? nil : 500
  }

  /// Goes to a screen.
  package mutating func show(_ id: String) {
    overlay = nil
    screen = id
    visits += 1
  }
}
