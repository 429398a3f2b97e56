import Evaluation
import Models
package import Planning
import Quantization
import Tensors

/// Measures a recipe and its baseline under the planned workload: its depth, requests, prompt and steps.
package struct WorkloadJob: Job {
  package var workload: Workload
  /// A machine of the catalog; nil for this one, which alone is measured.
  package var machine: String?
  /// Seconds that it may take.
  package var seconds: Double

  package init(workload: Workload, machine: String?, seconds: Double = 60) {
    self.workload = workload
    self.machine = machine
    self.seconds = seconds
  }

  package static let name = "workload"
  package static let staleAfter: Set<Change> = [.modelOpened, .modelChanged, .quantized]

  package var title: String { "Measuring the planned workload" }
  package var words: String { "measure the planned workload" }
  package func news(of report: WorkloadReport) -> String? {
    report.isModelled ? "The planned workload is modelled" : "The planned workload is measured"
  }

  package func run(
    in laboratory: Laboratory, reporting reporter: JobReporter<Never>
  ) throws -> WorkloadReport {
    let held = try laboratory.openModel(for: "measuring a workload")
    guard held.quantized != nil else {
      throw EngineError.nothingQuantized(job: "measuring the planned workload")
    }
    let comparison = WorkloadComparison(
      laboratory: laboratory, held: held, workload: workload, machine: machine, seconds: seconds)
    let baseline = EvaluationSubject(
      name: held.referenceWords, model: held.model, cache: .fp16)
    return try comparison.run(
      laboratory.subject(held), baseline,
      progress: { what, done, total, since in
        reporter.progress(what, done: done, of: total, unit: "sequences", since: since)
      }, checkpoint: reporter.checkpoint)
  }
}
