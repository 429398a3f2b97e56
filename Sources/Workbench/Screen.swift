package import Engine
package import TerminalUI

/// One screen: what it shows, what its keys do, what Enter leads to, and what the rest of the program has to know of it.
///
/// Keymap, walk bar, hint bar, help and palette are made from what screens declare here. What a screen remembers lies in the
/// state under its id: `state[BatchScreen.self]` its cursors, `state.choices[BatchScreen.self]` what the user chose for its job.
package protocol Screen: Sendable {
  /// Where its cursors are and what is shown.
  associatedtype View: Remembered = NothingRemembered
  /// What the user has chosen for the screen's own job.
  associatedtype Choice: Remembered = NothingRemembered

  /// The name in sessions and lessons.
  static var id: String { get }
  static var title: String { get }
  /// What the screen answers, in one sentence.
  static var question: String { get }
  /// The key that shows it from everywhere.
  static var shortcut: Shortcut { get }
  /// Whether it is a step of the walk, in the order of `Screens.all`.
  static var isInWalk: Bool { get }
  /// Keys beyond the global ones.
  static var bindings: [Binding] { get }

  /// Whether its step of the walk has its result.
  static func isDone(_ state: State) -> Bool
  /// What Enter does now.
  static func step(_ state: State) -> Step?
  /// Why Enter has nothing to do while there is no step.
  static func standstill(_ state: State) -> String
  /// Arrows, hjkl and paging.
  static func move(_ motion: Motion, _ state: inout State) -> [Effect]
  /// Tab and Shift-Tab: +1 and -1.
  static func focus(_ direction: Int, _ state: inout State)
  /// Marks what the cursor is on, where things are marked one by one: the pointer is dragged over it.
  static func mark(_ state: inout State)
  /// The form of the screen, if it has one.
  static func settings(_ state: State) -> [Setting]
  /// Fields that a key asks for and no form shows, such as the path of a file.
  static func prompts(_ state: State) -> [Setting]
  /// Puts a text into the filter of the screen's list, if it has one.
  static func filter(_ text: String, _ state: inout State)
  /// Called when the screen comes up.
  static func appeared(_ state: inout State) -> [Effect]
  /// Called for every tick of the clock while the screen is shown.
  static func ticked(_ state: inout State) -> [Effect]
  /// Called for every event of every job, after the state has taken it in.
  static func heard(_ event: JobEvent, of job: TrackedJob, _ state: inout State)
  static func draw(_ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look)
}

extension Screen {
  package static var isInWalk: Bool { false }
  package static func isDone(_ state: State) -> Bool { false }
  package static func standstill(_ state: State) -> String {
    state.isBusy ?? "There is no next step here: n goes to the next screen"
  }
  package static func focus(_ direction: Int, _ state: inout State) {}
  package static func mark(_ state: inout State) {}
  package static func settings(_ state: State) -> [Setting] { [] }
  package static func prompts(_ state: State) -> [Setting] { [] }
  package static func filter(_ text: String, _ state: inout State) {}
  package static func appeared(_ state: inout State) -> [Effect] { [] }
  package static func ticked(_ state: inout State) -> [Effect] { [] }
  package static func heard(_ event: JobEvent, of job: TrackedJob, _ state: inout State) {}
}

/// The key that shows a screen from everywhere.
package struct Shortcut: Sendable {
  /// A digit for a step of the walk, a capital letter for the others.
  package var key: String
  /// A word for the palette; nil for the screen's title.
  package var name: String?
  /// What it leads to, in a sentence; nil for the screen's question.
  package var help: String?

  package init(_ key: String, name: String? = nil, help: String? = nil) {
    self.key = key
    self.name = name
    self.help = help
  }
}

/// What Enter does on a screen: the next step of the walk, or what has to be done before it.
package struct Step: Sendable {
  /// In the imperative: `quantize`, `methods for the KV cache`.
  package var label: String
  package var action: @Sendable (inout State) -> [Effect]

  package init(_ label: String, _ action: @escaping @Sendable (inout State) -> [Effect]) {
    self.label = label
    self.action = action
  }

  /// A step that goes to another screen.
  package static func go(_ label: String, to id: String) -> Step {
    Step(label) { state in
      state.show(id)
      return []
    }
  }

  /// What all measurements begin with.
  package static let openModel = Step.go("open a model first", to: Place.model)
}

extension State {
  /// What a screen remembers of its cursors.
  package subscript<Room: Screen>(_ screen: Room.Type) -> Room.View {
    get { views[Room.id] }
    set { views[Room.id] = newValue }
  }
}

extension Choices {
  /// What the user has chosen for the job of a screen.
  package subscript<Room: Screen>(_ screen: Room.Type) -> Room.Choice {
    get { ofScreens[Room.id] }
    set { ofScreens[Room.id] = newValue }
  }
}
