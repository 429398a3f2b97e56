import Evaluation
import Models
import Operators
import Planning
import Platform
import Profiling
import Tensors

/// Times models under a planned workload, the baseline in the same rounds.
///
/// What is too long to be run is taken from what was run by the ratio of the machine's own limits, and called modelled; the
/// error of that rule is seen where half of what was run is continued to all of it.
struct WorkloadTiming {
  /// A model, and what its formats leave of bytes and arithmetic.
  typealias Subject = (subject: EvaluationSubject, factors: Planner.Factors)

  let laboratory: Laboratory
  let held: Laboratory.OpenModel
  let planner: Planner
  /// Seconds that all rounds together may take.
  let seconds: Double
  /// Told what is timed, the sequences done so far and all of them, and when it began.
  let progress: (_ what: String, _ done: Int, _ of: Int, _ since: Double) -> Void
  let checkpoint: () throws -> Void

  /// Seconds of the baseline's prompt that is timed, at most.
  private static let promptSeconds = 1.5
  /// Tokens in all caches of a step together, at most.
  private static let mostTokens = 65_536
  /// Sequences of a step at most.
  private static let mostSequences = 16
  private static let steps = 8
  /// Rounds at least and at most; as many as the time allows.
  private static let rounds = 3...7

  /// Prompt, depth and batch of something that is timed.
  private struct Size: Hashable {
    var prompt: Int
    var depth: Int
    var batch: Int
  }

  /// Times of each subject in their order, the baseline's first.
  typealias Outcome = (times: [WorkloadTimes], extent: WorkloadTimes.Extent)

  /// The planner for another size of the same workload.
  private func planner(_ size: Size) -> Planner {
    var workload = planner.workload
    workload.promptTokens = size.prompt
    workload.context = size.depth
    workload.batch = size.batch
    return Planner(
      model: planner.model, workload: workload, peaks: planner.peaks, methods: PlannedMethods())
  }

  private var planned: Size {
    Size(
      prompt: max(1, planner.workload.promptTokens),
      depth: max(1, min(planner.workload.context, planner.model.context) - Self.steps - 1),
      batch: max(1, planner.workload.batch))
  }

  /// Seconds of a prompt, and of one step, by the machine's limits.
  private func limit(_ size: Size, _ factors: Planner.Factors) -> (prompt: Double, step: Double) {
    let planner = planner(size)
    return (
      factors.seconds(of: planner.prefillPhase), factors.seconds(of: planner.decodePhase)
    )
  }

  /// What is timed of the planned sizes.
  private func affordable(caches: Int) -> Size {
    let planned = planned
    var size = planned
    size.batch = min(planned.batch, Self.mostSequences)
    let bytes = Double(planner.model.kvBytesPerToken(.fp16) * caches)
    let room = (Machine.memoryAvailable().map(Double.init) ?? .infinity) * 0.4 / max(1, bytes)
    size.depth = max(
      1, min(planned.depth, Self.mostTokens / size.batch, Int(min(room, 1e9)) / size.batch))
    size.prompt = max(1, min(planned.prompt, planner.model.context - 1))
    while size.prompt > 64, limit(size, Planner.Factors()).prompt > Self.promptSeconds {
      size.prompt /= 2
    }
    return size
  }

  /// - Parameter subjects: the baseline first.
  func run(_ subjects: [Subject]) throws -> Outcome {
    let planned = planned
    let size = affordable(caches: Set(subjects.map(\.subject.cache)).count)
    let once = limit(size, Planner.Factors())
    // One round more warms up, and one is traced; each round has steps before those that count.
    let round =
      Double(subjects.count) * (once.prompt + 2 * Double(Self.steps + 1) * once.step)
    let rounds = min(
      max(Int(min(seconds / max(1e-9, round) - 2, 100)), Self.rounds.lowerBound),
      Self.rounds.upperBound)
    let prompts = try prompts(subjects, size, rounds)
    let steps = try steps(subjects, size, rounds)
    var extent = WorkloadTimes.Extent(
      prompt: size.prompt, plannedPrompt: planned.prompt, depth: size.depth,
      plannedDepth: planned.depth, batch: size.batch, plannedBatch: planned.batch, rounds: rounds,
      modelError: nil)
    extent.modelError = try modelError(subjects, size, planned, prompts, steps, rounds)
    let rows = subjects.indices.map { index in
      Rounds(
        prompts[index], steps[index], limit(size, subjects[index].factors),
        limit(planned, subjects[index].factors), planner.workload)
    }
    let times = rows.indices.map { index in
      rows[index].times(
        next: rows[0], promptRate: Double(size.prompt) / SpeedMeasure.median(prompts[index]),
        decodeRate: Double(size.batch) / SpeedMeasure.median(steps[index]))
    }
    return (times, extent)
  }

  /// The largest relative error of what half of the size would have said of all of it.
  private func modelError(
    _ subjects: [Subject], _ size: Size, _ planned: Size, _ prompts: [[Double]],
    _ steps: [[Double]], _ rounds: Int
  ) throws -> Double? {
    func error(_ half: Size, _ isStep: Bool, _ now: [[Double]]) throws -> [Double] {
      let measured =
        try isStep ? self.steps(subjects, half, rounds) : self.prompts(subjects, half, rounds)
      return subjects.indices.map { index in
        let factors = subjects[index].factors
        let (from, to) = (limit(half, factors), limit(size, factors))
        let ratio = isStep ? to.step / from.step : to.prompt / from.prompt
        let guess = SpeedMeasure.median(measured[index]) * ratio
        return (guess / max(1e-12, SpeedMeasure.median(now[index])) - 1).magnitude
      }
    }
    var errors: [Double] = []
    if size.prompt < planned.prompt, size.prompt > 1 {
      var half = size
      half.prompt /= 2
      errors += try error(half, false, prompts)
    }
    if size.depth < planned.depth, size.depth > 1 {
      var half = size
      half.depth /= 2
      errors += try error(half, true, steps)
    }
    if size.batch < planned.batch, size.batch > 1 {
      var half = size
      half.batch /= 2
      errors += try error(half, true, steps)
    }
    return errors.max()
  }

  /// Seconds of one prompt in each round, by subject.
  private func prompts(_ subjects: [Subject], _ size: Size, _ rounds: Int) throws -> [[Double]] {
    let points = try measure(
      subjects, Size(prompt: size.prompt, depth: 1, batch: 1), rounds,
      "prompts of \(size.prompt) tokens")
    return points.map { $0.prefillRounds.map { Double(size.prompt) / max(1e-9, $0) } }
  }

  /// Seconds of one step of all sequences in each round, by subject.
  private func steps(_ subjects: [Subject], _ size: Size, _ rounds: Int) throws -> [[Double]] {
    let points = try measure(
      subjects, Size(prompt: 0, depth: size.depth, batch: size.batch), rounds,
      "\(size.batch) sequences after \(size.depth) tokens")
    return points.map { $0.rounds.map { Double(size.batch) / max(1e-9, $0) } }
  }

  private func measure(
    _ subjects: [Subject], _ size: Size, _ rounds: Int, _ what: String
  ) throws -> [BatchReport.Point] {
    let measure = BatchMeasure(
      subjects: subjects.map {
        SpeedSubject(recipe: $0.subject.name, model: $0.subject.model, cache: $0.subject.cache)
      }, context: try laboratory.makeContext(), peaks: try laboratory.machinePeaks(nil),
      batches: [size.batch], depth: size.depth, prompt: size.prompt, steps: Self.steps,
      repetitions: rounds)
    let since = Machine.seconds()
    return try measure.run(
      progress: { form, done in
        progress("timing \(what): \(form)", done, measure.sequences, since)
      }, checkpoint: checkpoint
    ).points
  }
}

/// The seconds of each round of one subject, continued to the planned sizes.
private struct Rounds {
  var prompts: [Double]
  var steps: [Double]
  var requests: [Double]

  init(
    _ prompts: [Double], _ steps: [Double], _ timed: (prompt: Double, step: Double),
    _ planned: (prompt: Double, step: Double), _ workload: Workload
  ) {
    let prompts = prompts.map { $0 * planned.prompt / timed.prompt }
    let steps = steps.map { $0 * planned.step / timed.step }
    self.prompts = prompts
    self.steps = steps
    requests = zip(prompts, steps).map {
      $0 + Double(workload.generatedTokens) * $1 / Double(max(1, workload.batch))
    }
  }

  /// Medians, and ratios to the baseline round by round.
  func times(next baseline: Rounds, promptRate: Double, decodeRate: Double) -> WorkloadTimes {
    func ratio(_ path: KeyPath<Rounds, [Double]>) -> WorkloadTimes.Spread {
      WorkloadTimes.Spread(
        zip(baseline[keyPath: path], self[keyPath: path]).map { $0 / max(1e-12, $1) })
    }
    return WorkloadTimes(
      request: SpeedMeasure.median(requests), promptSeconds: SpeedMeasure.median(prompts),
      stepSeconds: SpeedMeasure.median(steps), speedup: ratio(\.requests),
      promptSpeedup: ratio(\.prompts), stepSpeedup: ratio(\.steps), promptRate: promptRate,
      decodeRate: decodeRate)
  }
}
