package import TerminalUI

/// One screen: what it shows, what its keys do, and what Enter leads to.
///
/// A screen has no state of its own; its cursors lie in `State` under its `View`.
package protocol Screen: Sendable {
  /// The name in sessions and lessons.
  static var id: String { get }
  static var title: String { get }
  /// What the screen answers, in one sentence.
  static var question: String { get }
  /// Keys beyond the global ones.
  static var bindings: [Binding] { get }

  /// What Enter does now.
  static func step(_ state: State) -> Step?
  /// Arrows, hjkl and paging.
  static func move(_ motion: Motion, _ state: inout State) -> [Effect]
  /// Tab and Shift-Tab: +1 and -1.
  static func focus(_ direction: Int, _ state: inout State)
  /// The form of the screen, if it has one.
  static func settings(_ state: State) -> [Setting]
  /// Called when the screen comes up.
  static func appeared(_ state: inout State) -> [Effect]
  static func draw(_ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look)
}

extension Screen {
  package static func focus(_ direction: Int, _ state: inout State) {}
  package static func settings(_ state: State) -> [Setting] { [] }
  package static func appeared(_ state: inout State) -> [Effect] { [] }
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
    Step(label) { state in state.show(id) }
  }
}

/// A way to move a cursor.
package enum Motion: Hashable, Sendable {
  case up, down, left, right, pageUp, pageDown, first, last

  /// The index after moving up or down a list.
  package func moved(_ index: Int, count: Int, page: Int = 10) -> Int {
    let target =
      switch self {
      case .up: index - 1
      case .down: index + 1
      case .pageUp: index - max(1, page)
      case .pageDown: index + max(1, page)
      case .first: 0
      case .last: count - 1
      case .left, .right: index
      }
    return min(max(0, target), max(0, count - 1))
  }

  /// -1 for left, 1 for right, else 0.
  package var horizontal: Int { self == .left ? -1 : self == .right ? 1 : 0 }
}
