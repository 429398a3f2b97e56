package import Evaluation
import FoundationEssentials

/// What came of a task: a pure function of it, and so the same bytes whatever ran it.
///
/// How long things took is left out, since no two runs take the same time; it lies in a file of its own, `SweepTimes`.
package struct SweepResult: Hashable, Sendable, Codable {
  package static let currentSchema = 1

  package var schema: Int
  package var id: String
  package var evaluation: EvaluationReport?
  package var traffic: TrafficReport?

  package init(of task: SweepTask, evaluation: EvaluationReport) {
    self.init(task)
    self.evaluation = evaluation
    self.evaluation?.seconds = 0
  }

  package init(of task: SweepTask, traffic: TrafficReport) {
    self.init(task)
    self.traffic = traffic
    self.traffic?.simulationRate = 0
  }

  private init(_ task: SweepTask) {
    schema = Self.currentSchema
    id = task.id
  }

  /// Whether it holds what the task is for.
  func answers(_ task: SweepTask) -> Bool {
    id == task.id && schema == Self.currentSchema
      && (evaluation != nil) == (task.evaluation != nil)
      && (traffic != nil) == (task.traffic != nil)
  }
}

/// When and where a task ran, next to its result and no part of it.
package struct SweepTimes: Hashable, Sendable, Codable {
  package var id: String
  package var seconds: Double
  /// The name of the processor.
  package var processor: String?

  package init(id: String, seconds: Double, processor: String?) {
    self.id = id
    self.seconds = seconds
    self.processor = processor
  }
}

/// How a task failed the last time.
package struct SweepFailure: Hashable, Sendable, Codable {
  package var id: String
  /// The exit code, or 128 and the signal.
  package var code: Int32
  package var attempts: Int
  /// What was said last.
  package var lines: [String]

  package init(id: String, code: Int32, attempts: Int, lines: [String]) {
    self.id = id
    self.code = code
    self.attempts = attempts
    self.lines = lines
  }

  /// Whether the same is likely to happen again: a task is pure, and one that ended by its own word ends by it again.
  package var isFinal: Bool { Self.isFinal(code) }

  static func isFinal(_ code: Int32) -> Bool { code < 75 }
}
