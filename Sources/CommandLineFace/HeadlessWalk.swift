import Engine
import Models
import Planning
import Platform
import Quantization

/// The walk of the workbench without a terminal: plan, take the advised target's first method, quantize,
/// evaluate, profile, and print the verdict.
struct HeadlessWalk {
  let session: CommandSession
  let asJSON: Bool

  /// What the walk found, for `--json`.
  private struct Document: Encodable {
    var model: ModelSummary
    var plan: PlanReport
    var run: RunRecord
  }

  func run(_ model: String?, against base: String?) throws {
    let summary = try session.load(model, against: base)
    if base != nil { return try walk(candidate: summary) }
    let workload = Workload(context: summary.shape.context)
    let plan = try session.perform(PlanJob(workload: workload, machine: nil))
    guard let advice = plan.advice.first else {
      throw CommandFailure(message: "planning gave no advice")
    }
    guard
      let recipe = advice.recipe(
        of: QuantizationMethods.descriptions, for: plan.model)
    else {
      throw CommandFailure(message: "there is no method for the \(advice.target.rawValue)")
    }
    let quantize = try session.quantize(recipe, CalibrationOptions(samples: 8))
    let evaluation = try session.perform(EvaluateJob(options: EvaluationOptions(windows: 16)))
    let bench = try session.perform(
      BenchJob(options: BenchOptions(prompt: 256, generate: 32, repetitions: 3)))
    let recall = try session.perform(RecallJob(documents: RecallJob.smokeDocuments))
    let verdict = Verdict.judge(
      plan: plan, quantize: quantize, evaluation: evaluation, bench: bench, recall: recall)
    if asJSON {
      let run = RunRecord(
        id: "", model: summary.label, recipe: quantize.recipe, quantize: quantize,
        evaluation: evaluation, bench: bench, verdict: verdict, recall: recall)
      return try Output.json(Document(model: summary, plan: plan, run: run))
    }
    print("No terminal: the walk of the workbench on \(summary.label), in text.\n")
    print("1. Target")
    PlanCommand.show(plan)
    print("\n2. Method: \(quantize.recipe)")
    QuantizeCommand.show(quantize)
    print("\n3. Quality")
    EvaluateCommand.show(evaluation)
    for line in AskedLines.recall(recall) { print(line) }
    print("\n4. Profile")
    BenchCommand.show(bench)
    print("\n5. Verdict")
    Self.show(verdict)
  }

  /// The walk of a candidate, which is as it is: from the heatmap on.
  private func walk(candidate summary: ModelSummary) throws {
    let layers = try session.perform(LayersJob(calibration: CalibrationOptions(samples: 8)))
    let evaluation = try session.perform(EvaluateJob(options: EvaluationOptions(windows: 16)))
    let bench = try session.perform(
      BenchJob(options: BenchOptions(prompt: 256, generate: 32, repetitions: 3)))
    let workload = Workload(context: summary.shape.context)
    let plan = try session.perform(PlanJob(workload: workload, machine: nil))
    let recall = try session.perform(RecallJob(documents: RecallJob.smokeDocuments))
    let verdict = Verdict.judge(
      plan: plan, quantize: layers, evaluation: evaluation, bench: bench, recall: recall)
    if asJSON {
      let run = RunRecord(
        id: "", model: summary.label, recipe: layers.recipe, quantize: layers,
        evaluation: evaluation, bench: bench, verdict: verdict, file: layers.file, recall: recall)
      return try Output.json(Document(model: summary, plan: plan, run: run))
    }
    print(
      "No terminal: the walk of the workbench on \(summary.label) against \(summary.against?.name ?? ""), in text.\n"
    )
    print("1. Layers")
    LayersCommand.show(layers)
    print("\n2. Quality")
    EvaluateCommand.show(evaluation)
    for line in AskedLines.recall(recall) { print(line) }
    print("\n3. Profile")
    BenchCommand.show(bench)
    print("\n4. Verdict")
    Self.show(verdict)
  }

  private static func show(_ verdict: Verdict) {
    for (index, check) in verdict.checks.enumerated() {
      print("  \(index + 1). \(check.question)  \(check.mark.rawValue.uppercased())")
      print("     \(check.evidence)")
    }
    for line in verdict.next { print("  Next: \(line)") }
  }
}
