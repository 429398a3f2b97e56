import Engine
import Quantization
package import TerminalUI

/// Something for the learner's own hands: it is done when the goal is met.
package struct LessonTask: Hashable, Sendable, Codable {
  package var text: String
  package var hint: String?
  package var goal: LessonGoal

  package init(text: String, hint: String? = nil, goal: LessonGoal) {
    self.text = text
    self.hint = hint
    self.goal = goal
  }
}

/// What the state has to be like for a task to be done; what is left out may be anything.
package struct LessonGoal: Hashable, Sendable, Codable {
  /// The id of a screen.
  package var screen: String?
  /// Methods by slot (`weights`, `activations`, `keys`, `values`); `fp` for none.
  package var recipe: [String: String]?
  /// The metric that the heatmap shows.
  package var metric: String?
  /// `help`, `palette` or `themes`.
  package var overlay: String?
  /// Keys that must have been pressed since the task began, in this order, others between them allowed.
  package var keys: [KeyPress]?

  package init(
    screen: String? = nil, recipe: [String: String]? = nil, metric: String? = nil,
    overlay: String? = nil, keys: [KeyPress]? = nil
  ) {
    self.screen = screen
    self.recipe = recipe
    self.metric = metric
    self.overlay = overlay
    self.keys = keys
  }

  /// Whether the state, and the keys pressed since the task began, are what is asked for.
  package func isMet(by state: State, pressed: [KeyPress]) -> Bool {
    if let screen, state.screen != screen { return false }
    for (name, method) in recipe ?? [:] {
      guard let slot = Slot(rawValue: name) else { return false }
      guard (state.choices.recipe[slot]?.method ?? "fp") == method else { return false }
    }
    if let metric, HeatmapScreen.metric(state).rawValue != metric { return false }
    if let overlay, state.overlay?.name != overlay { return false }
    var rest = (keys ?? [])[...]
    for press in pressed where press == rest.first { rest.removeFirst() }
    return rest.isEmpty
  }
}

/// A question with answers to choose from.
package struct LessonQuestion: Hashable, Sendable, Codable {
  package var text: String
  package var choices: [String]
  /// The index of the right one.
  package var answer: Int
  /// Why it is right.
  package var why: String

  package init(text: String, choices: [String], answer: Int, why: String) {
    self.text = text
    self.choices = choices
    self.answer = answer
    self.why = why
  }
}
