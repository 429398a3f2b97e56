package import Evaluation
import Platform
package import Quantization
import Serving

/// Looks how far a sweep has come, and what came of its tasks so far; runs none of them.
package struct SweepJob: Job {
  /// The folder of the sweep.
  package var path: String

  package init(path: String) { self.path = path }

  package static let name = "sweep"
  package static let isHeavy = false
  package static let staleAfter: Set<Change> = []
  package static let onlyNewestCounts = true

  package var title: String { "Looking at the sweep \(path)" }
  package var words: String { "look at the sweep \(path)" }

  /// - Throws: `SweepError`.
  package func run(
    in laboratory: Laboratory, reporting reporter: JobReporter<Never>
  ) throws -> SweepReport {
    try SweepReport(of: SweepFolder(opening: path))
  }
}

/// A sweep as its folder tells it now.
package struct SweepReport: JobValue {
  /// One task.
  package struct Row: JobValue {
    /// Its place in the plan, from 0.
    package var index: Int
    package var model: String
    package var recipeName: String
    package var recipe: Recipe
    /// What it is measured by: text and protocol, or the workload.
    package var measure: String
    package var isFinished: Bool
    package var evaluation: EvaluationReport?
    /// Seconds to the first token, the 99th percentile, and tokens a second of the recipe.
    package var firstToken: Double?
    package var tokenRate: Double?
    package var failure: SweepFailure?

    package init(
      index: Int, model: String, recipeName: String, recipe: Recipe, measure: String,
      isFinished: Bool, evaluation: EvaluationReport? = nil, firstToken: Double? = nil,
      tokenRate: Double? = nil, failure: SweepFailure? = nil
    ) {
      self.index = index
      self.model = model
      self.recipeName = recipeName
      self.recipe = recipe
      self.measure = measure
      self.isFinished = isFinished
      self.evaluation = evaluation
      self.firstToken = firstToken
      self.tokenRate = tokenRate
      self.failure = failure
    }
  }

  package var path: String
  package var tasks: Int
  package var finished: Int
  package var failed: Int
  /// Whether a run on this machine is at work.
  package var isRunning: Bool
  /// In the order of the plan; of a large sweep the failed ones and the first.
  package var rows: [Row]

  package init(
    path: String, tasks: Int, finished: Int, failed: Int, isRunning: Bool, rows: [Row]
  ) {
    self.path = path
    self.tasks = tasks
    self.finished = finished
    self.failed = failed
    self.isRunning = isRunning
    self.rows = rows
  }

  package var isWhole: Bool { finished == tasks }

  /// Tasks that are told one by one.
  package static let mostRows = 500

  /// - Throws: `SweepError.damaged`; `PlatformError` for folders that cannot be listed.
  init(of folder: SweepFolder) throws {
    let status = try SweepStatus(of: folder)
    let failures = Dictionary(
      status.failed.map { ($0.index, $0.failure) }, uniquingKeysWith: { first, _ in first })
    let tasks = try folder.tasks()
    var shown = Set(failures.keys.sorted().prefix(Self.mostRows))
    for index in tasks.indices where shown.count < Self.mostRows { shown.insert(index) }
    self.init(
      path: folder.path, tasks: status.tasks, finished: status.finished,
      failed: status.failed.count, isRunning: status.isRunning,
      rows: shown.sorted().map { index in
        Row(tasks[index], index, folder.result(of: tasks[index]), failures[index])
      })
  }
}

extension SweepReport.Row {
  fileprivate init(
    _ task: SweepTask, _ index: Int, _ result: SweepResult?, _ failure: SweepFailure?
  ) {
    let side = result?.traffic?.sides.last?.simulated
    self.init(
      index: index, model: task.model.name, recipeName: task.recipeName, recipe: task.recipe,
      measure: [task.text?.name, task.protocolName, task.workloadName].compactMap(\.self)
        .joined(separator: ", "),
      isFinished: result != nil, evaluation: result?.evaluation,
      firstToken: side?.firstToken.p99, tokenRate: side?.tokenRate, failure: failure)
  }
}
