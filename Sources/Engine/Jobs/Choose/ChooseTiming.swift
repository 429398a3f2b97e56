import Evaluation
import Models
import Operators
import Planning
import Platform
import Profiling
import Tensors

/// Times finalists under the planned workload, the baseline in the same rounds.
///
/// What is too long to be run is taken from what was run by the ratio of the machine's own limits, and called modelled.
struct ChooseTiming {
  let laboratory: Laboratory
  let held: Laboratory.OpenModel
  let planner: Planner
  let reporter: JobReporter<ChooseJob.Part>
  /// Seconds that all rounds together may take.
  let seconds: Double

  /// Seconds of the baseline's prompt that is timed, at most.
  private static let promptSeconds = 1.5
  /// Tokens in all caches of a step together, at most.
  private static let mostTokens = 65_536
  private static let steps = 8
  /// Rounds at least and at most; as many as the time allows.
  private static let rounds = 3...7

  /// What was found.
  struct Outcome {
    /// In the order of the subjects; the baseline's is first.
    var timings: [ChooseReport.Timing]
    var method: ChooseReport.Method
  }

  /// The planner for another size of the same workload.
  private func planner(prompt: Int? = nil, depth: Int? = nil, batch: Int? = nil) -> Planner {
    var workload = planner.workload
    if let prompt { workload.promptTokens = prompt }
    if let depth { workload.context = depth }
    if let batch { workload.batch = batch }
    return Planner(
      model: planner.model, workload: workload, peaks: planner.peaks, methods: PlannedMethods())
  }

  /// The longest prompt that is timed.
  private var prompt: Int {
    var prompt = min(planner.workload.promptTokens, held.summary.shape.context - 1)
    let plain = Planner.Factors()
    while prompt > 64, plain.seconds(of: planner(prompt: prompt).prefillPhase) > Self.promptSeconds
    {
      prompt /= 2
    }
    return max(1, prompt)
  }

  /// - Parameter subjects: the baseline first.
  func run(_ subjects: [(subject: EvaluationSubject, factors: Planner.Factors)]) throws -> Outcome {
    let shape = held.summary.shape
    let planned = planner.workload
    let context = try laboratory.makeContext()
    let peaks = try laboratory.machinePeaks(nil)
    let speed = subjects.map {
      SpeedSubject(recipe: $0.subject.name, model: $0.subject.model, cache: $0.subject.cache)
    }
    let batch = max(1, min(planned.batch, 16))
    let plannedDepth = max(1, min(planned.context, shape.context) - Self.steps - 1)
    let bytes = Double(shape.kvBytesPerToken(.fp16) * Set(speed.map(\.cache)).count)
    let room = (Machine.memoryAvailable().map(Double.init) ?? .infinity) * 0.4 / max(1, bytes)
    let depth = max(1, min(plannedDepth, Self.mostTokens / batch, Int(min(room, 1e9)) / batch))
    let prompt = prompt
    let step = Planner.Factors().seconds(of: planner(depth: depth, batch: batch).decodePhase)
    let once =
      Planner.Factors().seconds(of: planner(prompt: prompt).prefillPhase)
      + 2 * Double(Self.steps + 1) * step
    // One round more warms up, and one is traced.
    let affordable = seconds / max(1e-9, once * Double(subjects.count)) - 2
    let rounds = min(max(Int(min(affordable, 100)), Self.rounds.lowerBound), Self.rounds.upperBound)
    let prefills = try measure(
      speed, context, peaks, batch: 1, depth: 1, prompt: prompt, rounds,
      "prompts of \(prompt) tokens")
    let decodes = try measure(
      speed, context, peaks, batch: batch, depth: depth, prompt: 0, rounds,
      "\(batch) sequences after \(depth) tokens")
    var method = ChooseReport.Method(
      prompt: prompt, plannedPrompt: planned.promptTokens, depth: depth,
      plannedDepth: plannedDepth, batch: batch, plannedBatch: planned.batch, rounds: rounds,
      depthError: nil)
    if depth < plannedDepth || batch < planned.batch {
      // The same step from half the depth, by the rule that goes on from `depth`: its error is seen here.
      let half = max(1, depth / 2)
      let check = try measure(
        speed, context, peaks, batch: batch, depth: half, prompt: 0, rounds,
        "\(batch) sequences after \(half) tokens")
      method.depthError =
        zip(subjects, zip(check, decodes)).map { side, points in
          let ratio =
            side.factors.seconds(of: planner(depth: depth, batch: batch).decodePhase)
            / side.factors.seconds(of: planner(depth: half, batch: batch).decodePhase)
          let guess = points.0.decode.tokensPerSecond / ratio
          return (guess / max(1e-9, points.1.decode.tokensPerSecond) - 1).magnitude
        }.max()
    }
    return Outcome(
      timings: timings(subjects, prefills, decodes, prompt: prompt, depth: depth, batch: batch),
      method: method)
  }

  /// Figures of the planned workload from what was timed, which is all of it where it is as large as planned.
  private func timings(
    _ subjects: [(subject: EvaluationSubject, factors: Planner.Factors)],
    _ prefills: [BatchReport.Point], _ decodes: [BatchReport.Point], prompt: Int, depth: Int,
    batch: Int
  ) -> [ChooseReport.Timing] {
    let planned = planner.workload
    let full = planner(depth: min(planned.context, held.summary.shape.context))
    let requests = subjects.indices.map { index in
      let factors = subjects[index].factors
      let prompts =
        factors.seconds(of: planner.prefillPhase)
        / factors.seconds(of: planner(prompt: prompt).prefillPhase)
      let step =
        factors.seconds(of: full.decodePhase) / Double(max(1, planned.batch))
        / (factors.seconds(of: planner(depth: depth, batch: batch).decodePhase) / Double(batch))
      return zip(prefills[index].prefillRounds, decodes[index].rounds).map { prefill, decode in
        Double(prompt) / max(1e-9, prefill) * prompts
          + Double(planned.generatedTokens) / max(1e-9, decode) * step
      }
    }
    return subjects.indices.map { index in
      ChooseReport.Timing(
        request: SpeedMeasure.median(requests[index]),
        speedup: Self.spread(zip(requests[0], requests[index]).map { $0 / max(1e-12, $1) }),
        promptRate: prefills[index].prefill?.tokensPerSecond ?? 0,
        decodeRate: decodes[index].decode.tokensPerSecond)
    }
  }

  /// Median and quartiles.
  private static func spread(_ values: [Double]) -> ChooseReport.Spread {
    let sorted = values.sorted()
    return ChooseReport.Spread(
      median: ScoreStatistics.percentile(sorted, 0.5),
      low: ScoreStatistics.percentile(sorted, 0.25),
      high: ScoreStatistics.percentile(sorted, 0.75))
  }

  private func measure(
    _ subjects: [SpeedSubject], _ context: ExecutionContext, _ peaks: MachinePeaks, batch: Int,
    depth: Int, prompt: Int, _ rounds: Int, _ what: String
  ) throws -> [BatchReport.Point] {
    let measure = BatchMeasure(
      subjects: subjects, context: context, peaks: peaks, batches: [batch], depth: depth,
      prompt: prompt, steps: Self.steps, repetitions: rounds)
    let since = Machine.seconds()
    return try measure.run(
      progress: { form, done in
        reporter.progress(
          "timing \(what): \(form)", done: done, of: measure.sequences, unit: "sequences",
          since: since)
      }, checkpoint: reporter.checkpoint
    ).points
  }
}
