package import Evaluation

/// What came of a sweep, in the order of its plan: a pure fold of plan and results, and so the same bytes whatever ran it.
///
/// Attempts, times, machines and logs are left out; `SweepStatus` has them.
package struct SweepSummary: Hashable, Sendable, Codable {
  package static let currentSchema = 1

  /// A task that has finished.
  package struct Row: Hashable, Sendable, Codable {
    package var id: String
    /// As the plan calls them.
    package var model: String
    package var recipe: String
    package var text: String?
    package var `protocol`: String?
    package var workload: String?
    package var evaluation: EvaluationReport?
    package var traffic: TrafficReport?
  }

  /// A task that has no result.
  package struct Missing: Hashable, Sendable, Codable {
    package var id: String
    package var words: String
  }

  package var schema: Int
  /// The version of the program that planned.
  package var program: String
  package var tasks: Int
  package var isWhole: Bool
  package var rows: [Row]
  package var missing: [Missing]

  /// - Throws: `SweepError.damaged` for a plan that is, and for a result that is there and cannot be read.
  package init(of folder: SweepFolder) throws {
    schema = Self.currentSchema
    program = folder.header.program.version
    rows = []
    missing = []
    let tasks = try folder.tasks()
    let there = try folder.ids(in: "results")
    for task in tasks {
      guard there.contains(task.id) else {
        missing.append(Missing(id: task.id, words: task.words))
        continue
      }
      guard let result = folder.result(of: task) else {
        throw SweepError.damaged(
          path: folder.place("results", task.id, "json"),
          reason: "expected what came of '\(task.words)'; remove it, and run the sweep again")
      }
      rows.append(
        Row(
          id: task.id, model: task.model.name, recipe: task.recipeName, text: task.text?.name,
          protocol: task.protocolName, workload: task.workloadName, evaluation: result.evaluation,
          traffic: result.traffic))
    }
    self.tasks = tasks.count
    isWhole = missing.isEmpty
  }

  /// Writes it into the folder of its sweep, as JSON and CSV.
  ///
  /// - Throws: `PlatformError` where nothing can be written.
  package func write(to folder: SweepFolder) throws {
    try SweepFolder.write(self, to: folder.path + "/summary.json")
    try folder.write(SweepTable(self).csv, to: "summary.csv")
  }
}
