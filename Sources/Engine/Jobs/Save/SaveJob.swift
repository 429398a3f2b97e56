import Models
import Quantization

/// Puts what was measured into the workspace.
package struct SaveJob: Job {
  package init() {}

  package static let name = "save"
  package static let isHeavy = false
  package static let staleAfter: Set<Change> = [.modelOpened, .modelChanged, .quantized]

  package var title: String { "Saving the run" }
  package var words: String { "save the run" }
  package func news(of run: RunRecord) -> String? {
    "Saved as run \(run.id); it is on the Compare screen now"
  }

  package func run(
    in laboratory: Laboratory, reporting reporter: JobReporter<Never>
  ) throws -> RunRecord {
    let held = try laboratory.openModel(for: "saving a run")
    guard let quantized = held.quantized else {
      throw EngineError.nothingQuantized(job: "saving a run")
    }
    let evaluation = laboratory.report(of: EvaluateJob.self)
    let speed = laboratory.report(of: BenchJob.self)
    let recall = laboratory.report(of: RecallJob.self)
    let tasks = laboratory.report(of: TasksJob.self)
    let record = RunRecord(
      id: "", model: held.summary.label, recipe: quantized.recipe, quantize: quantized.report,
      evaluation: evaluation, bench: speed,
      verdict: Verdict.judge(
        plan: laboratory.report(of: PlanJob.self), quantize: quantized.report,
        evaluation: evaluation, bench: speed, recall: recall, tasks: tasks), file: quantized.file,
      recall: recall, tasks: tasks)
    return try laboratory.workspace.save(record, stem: Self.slug(quantized.words))
  }

  /// Words in letters, digits and hyphens, for the name of a folder.
  static func slug(_ words: String) -> String {
    var text = ""
    for scalar in words.lowercased().unicodeScalars {
      let isWord = ("a"..."z").contains(scalar) || ("0"..."9").contains(scalar)
      if isWord {
        text.unicodeScalars.append(scalar)
      } else if let last = text.last, last != "-" {
        text.append("-")
      }
    }
    while text.last == "-" { text.removeLast() }
    return String(text.prefix(60))
  }
}
