import Evaluation
import Models
import Operators
import Platform
package import Profiling
import Quantization
import Tensors

/// The open model under every execution provider, the FP baseline alongside, and without single kernels.
package struct ProvidersJob: Job {
  package var options: ProviderOptions

  package init(options: ProviderOptions) { self.options = options }

  package static let name = "providers"
  package static let startsOver = true
  package static let staleAfter: Set<Change> = [.modelOpened, .modelChanged, .quantized]

  package var title: String { "Comparing execution providers" }
  package var words: String { "compare execution providers" }
  package func news(of report: ProviderReport) -> String? {
    "Compared \(report.rows.count) ways to run the model"
  }

  package func run(
    in laboratory: Laboratory, reporting reporter: JobReporter<Never>
  ) throws -> ProviderReport {
    let held = try laboratory.openModel(for: "comparing providers")
    let quantized = held.quantized
    var measure = ProviderMeasure(
      quantized: SpeedSubject(
        recipe: held.subjectWords, model: quantized?.model ?? held.model,
        cache: quantized?.cache ?? .fp16),
      baseline: quantized.map { _ in
        SpeedSubject(recipe: held.referenceWords, model: held.model, cache: .fp16)
      }, pool: laboratory.pool, text: try laboratory.timedIDs(held))
    measure.promptTokens = options.prompt
    measure.generatedTokens = options.generate
    measure.repetitions = options.repetitions
    measure.budgetSeconds = options.seconds
    measure.klTokens = options.compared
    let start = Machine.seconds()
    let share = MachineShare()
    var report = try measure.run(
      progress: { what, done, total in
        reporter.progress(what, done: done, of: total, unit: "steps", since: start)
      }, checkpoint: reporter.checkpoint)
    report.othersCores = share.othersCores
    report.model = held.summary.label
    report.storedAs = held.summary.baseline.storedAs
    return report
  }
}

/// How providers are compared.
package struct ProviderOptions: Hashable, Sendable, Codable {
  package var prompt: Int
  package var generate: Int
  package var repetitions: Int
  /// Seconds that all rounds together may take; slow providers get fewer tokens.
  package var seconds: Double
  /// Positions on which logits are compared with those of plain C, at most.
  package var compared: Int

  package init(
    prompt: Int = 128, generate: Int = 32, repetitions: Int = 3, seconds: Double = 60,
    compared: Int = 128
  ) {
    self.prompt = prompt
    self.generate = generate
    self.repetitions = repetitions
    self.seconds = seconds
    self.compared = compared
  }
}
