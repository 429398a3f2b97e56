import DemoModel
package import Evaluation
import Models
import Platform
import Tokenizers

/// Asks the items of a file of tasks, of the model and its baseline.
package struct TasksJob: Job {
  /// The file; nil for the tasks of the built-in model's own world.
  package var path: String?
  /// Items at most; nil for all.
  package var items: Int?

  package init(path: String?, items: Int? = nil) {
    self.path = path
    self.items = items
  }

  package static let name = "tasks"
  package static let staleAfter: Set<Change> = [.modelOpened, .modelChanged, .quantized]

  package var title: String { "Asking tasks" }
  package var words: String { "ask the items of a task" }
  package func news(of report: TaskReport) -> String? { report.summary }

  /// - Throws: `EngineError.noModel`, `.notText`; what is wrong with the file, by line and field.
  package func run(
    in laboratory: Laboratory, reporting reporter: JobReporter<Never>
  ) throws -> TaskReport {
    let held = try laboratory.openModel(for: "asking tasks")
    guard let tokenizer = held.tokenizer else {
      throw EngineError.notText(model: held.summary.name)
    }
    let file = try path ?? DemoModel(locator: laboratory.locator).tasks
    let asked = Array(
      try TaskText(path: file).tokens(tokenizer).prefix(max(1, items ?? .max)))
    let start = Machine.seconds()
    let baseline = laboratory.baseline(held)
    let isBaseline = held.quantized == nil && held.plain == nil
    let found = try TaskMeasure(
      subject: isBaseline ? nil : laboratory.subject(held), baseline: baseline,
      context: try laboratory.makeContext(),
      decode: { tokenizer.decode($0) }
    ).run(
      asked,
      progress: {
        reporter.progress("asking", done: $0, of: asked.count, unit: "items", since: start)
      }, checkpoint: reporter.checkpoint)
    var report = TaskReport(
      task: path.map { $0.split(separator: "/").last.map(String.init) ?? $0 }
        ?? "the built-in tasks",
      recipe: held.subjectWords, baselineName: baseline.name, asked, items: found)
    report.seconds = Machine.seconds() - start
    return report
  }
}
