import Evaluation
import Models
import Operators
import Planning
import Tensors

/// Holds a model against its baseline under a planned workload: times where this machine is meant, else what a described
/// one allows.
struct WorkloadComparison {
  let laboratory: Laboratory
  let held: Laboratory.OpenModel
  let workload: Workload
  /// A machine of the catalog; nil for this one.
  let machine: String?
  /// Seconds that timing may take.
  let seconds: Double

  func run(
    _ subject: EvaluationSubject, _ baseline: EvaluationSubject,
    progress: @escaping (_ what: String, _ done: Int, _ of: Int, _ since: Double) -> Void,
    checkpoint: @escaping () throws -> Void
  ) throws -> WorkloadReport {
    let described = machine == "this" ? nil : machine
    let peaks =
      try described.map { try laboratory.machines.named($0) } ?? laboratory.machinePeaks(nil)
    let planner = Planner(
      model: held.summary.shape, workload: workload, peaks: peaks, methods: PlannedMethods())
    let memory = planner.memory
    let factors = Planner.Factors(
      of: subject.model, subject.cache, next: baseline.model, planner: planner)
    var extent: WorkloadTimes.Extent?
    var times: [WorkloadTimes]
    if described == nil {
      let outcome = try WorkloadTiming(
        laboratory: laboratory, held: held, planner: planner, seconds: seconds, progress: progress,
        checkpoint: checkpoint
      ).run([(baseline, Planner.Factors()), (subject, factors)])
      extent = outcome.extent
      times = outcome.times
    } else {
      times = [
        WorkloadTimes(modelled: planner, Planner.Factors()),
        WorkloadTimes(modelled: planner, factors),
      ]
    }
    let saved = Double(baseline.model.weightBytes - subject.model.weightBytes)
    func side(_ index: Int, _ name: String, _ weights: Double, _ share: Double)
      -> WorkloadReport.Side
    {
      WorkloadReport.Side(
        recipe: name, times: times[index], weightBytes: weights,
        cacheBytes: memory.kvCache * share,
        fittingRequests: planner.fittingRequests(weights: weights, cacheShare: share))
    }
    let before = times[0]
    let share = before.request > 0 ? before.promptSeconds / before.request : 0
    return WorkloadReport(
      workload: workload, machine: peaks.name, isDescribed: described != nil,
      resource: memory.total > memory.budget ? .capacity : .time,
      phase: share > 0.5 ? .prefill : .decode, phaseShare: max(share, 1 - share),
      budget: memory.budget, activationBytes: memory.activations,
      baseline: side(0, baseline.name, memory.weights, 1),
      quantized: side(1, subject.name, memory.weights - saved, factors.cacheReads),
      extent: extent)
  }
}

extension Planner.Factors {
  /// What a model with its cache leaves of what its baseline reads and multiplies.
  init(
    of model: Model, _ cache: KVFormatPair, next baseline: Model, planner: Planner
  ) {
    let shape = planner.model
    let linear = Double(shape.activeLinearParameters)
    let share = linear / max(1, linear + Double(shape.embeddingParameters))
    func left(_ bytes: KeyPath<Model, Int>) -> Double {
      Double(model[keyPath: bytes]) / Double(max(1, baseline[keyPath: bytes]))
    }
    self.init(
      weightReads: share * left(\.linearBytes) + (1 - share) * left(\.otherBytes),
      cacheReads: Double(shape.kvBytesPerToken(cache))
        / Double(max(1, shape.kvBytesPerToken(.fp16))))
    let multiplies = model.linears.first.map { model[$0].activation.multipliesIntegers } ?? false
    if multiplies, planner.peaks.int8Rate > 0 {
      arithmetic = planner.peaks.bf16Rate / planner.peaks.int8Rate
    }
  }
}

extension ActivationFormat {
  /// Whether products are summed in integers, with all or nearly all columns.
  var multipliesIntegers: Bool {
    switch self {
    case .int8, .int8Blocks, .int8WithOutliers: true
    default: false
    }
  }
}
