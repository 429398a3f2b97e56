import Engine
import Models
import Planning

/// What came of running the choices of a session again: what was chosen differently, what moved, and why.
package struct SessionVerdict: Hashable, Sendable, Codable {
  /// One job that had finished in the session.
  package struct Step: Hashable, Sendable, Codable {
    /// Milliseconds into the session.
    package var at: Int
    package var words: String
    package var isHeavy: Bool
    /// nil where it was not run again; `note` says why.
    package var comparison: ReportComparison?
    package var note: String?
    /// Seconds that it took now.
    package var seconds: Double

    package init(
      at: Int, words: String, isHeavy: Bool, comparison: ReportComparison?, note: String?,
      seconds: Double
    ) {
      self.at = at
      self.words = words
      self.isHeavy = isHeavy
      self.comparison = comparison
      self.note = note
      self.seconds = seconds
    }
  }

  package var title: String
  package var steps: [Step] = []
  /// What stands in the recipe at the end, and what the plan advises: only where they differ.
  package var choices: [ReportComparison.Choice] = []
  /// What it was run with, where that is another.
  package var differences: [String] = []

  package init(title: String) { self.title = title }

  /// Whether the same was chosen and every figure that is no time is within its tolerance.
  package var holds: Bool {
    choices.isEmpty
      && steps.allSatisfy { step in
        step.comparison?.holds ?? (step.note != Self.failed)
      }
  }

  /// The note of a job that had finished and fails now; the reason follows it in `differences`.
  package static let failed = "it fails now"

  /// Groups of figures that moved, the farthest first, with the job that each is of.
  package var moved: [(job: String, figure: ReportComparison.Moved)] {
    steps.flatMap { step in (step.comparison?.moved ?? []).map { (job: step.words, figure: $0) } }
      .sorted { $0.figure.distance > $1.figure.distance }
  }

  /// Holds what stands at the end of a replay against what stands now.
  package mutating func compareEnds(_ then: State, _ now: State) {
    func compare(_ name: String, _ one: String, _ other: String) {
      if one != other { choices.append(.init(name: name, then: one, now: other)) }
    }
    compare("recipe at the end", then.recipeWords, now.recipeWords)
    compare("advice", Self.advice(then), Self.advice(now))
  }

  private static func advice(_ state: State) -> String {
    guard let advice = state.facts.plan?.advice.first else { return "none" }
    return "\(advice.target.rawValue): \(advice.methods.first ?? "none")"
  }

  /// In a sentence: the same choice or another, how many figures moved, how far.
  package var words: String {
    let judged = moved.filter { $0.figure.isWithin != nil }
    let outside = judged.count { $0.figure.isWithin == false }
    let times = moved.count - judged.count
    let compared = steps.reduce(0) { $0 + ($1.comparison?.compared ?? 0) }
    let others = choices.count + steps.reduce(0) { $0 + ($1.comparison?.choices.count ?? 0) }
    var text = others == 0 ? "Same choice" : "Another choice in \(others) places"
    text += "; of \(compared) kinds of figures "
    text += judged.isEmpty ? "none moved" : "\(judged.count) moved, \(outside) beyond tolerance"
    if times > 0 { text += "; \(times) times moved, which decides nothing" }
    return text + "."
  }
}
