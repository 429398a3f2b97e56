import Evaluation
import Models
import Operators
import Planning
import Platform
import Profiling
import Tensors

/// Times models under a planned workload, the baseline in the same rounds.
///
/// What is too long to be run is continued from three or four sizes that were, each model by its own, and called modelled
/// (`Continuation`); the error of that is seen where the largest size that was run is told from the smaller ones.
struct WorkloadTiming {
  let laboratory: Laboratory
  let held: Laboratory.OpenModel
  let planner: Planner
  /// Seconds that all rounds together may take.
  let seconds: Double
  /// Told what is timed, the sequences done so far and all of them, and when it began.
  let progress: (_ what: String, _ done: Int, _ of: Int, _ since: Double) -> Void
  let checkpoint: () throws -> Void

  /// A model, and what its formats leave of bytes and arithmetic.
  typealias Subject = (side: EvaluationSubject, factors: Planner.Factors)

  /// Seconds of the baseline's prompt that is timed, at most.
  private static let promptSeconds = 1.5
  /// Tokens in all caches of a step together, at most.
  private static let mostTokens = 65_536
  /// Sequences of a step at most.
  private static let mostSequences = 16
  private static let steps = 8
  /// Rounds of a size at least and at most; as many as the time allows.
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

  /// Seconds of a prompt, and of one step, by the machine's limits; of the baseline without factors.
  private func limit(
    _ size: Size, _ factors: Planner.Factors = Planner.Factors()
  ) -> (prompt: Double, step: Double) {
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
    while size.prompt > 64, limit(size).prompt > Self.promptSeconds {
      size.prompt /= 2
    }
    return size
  }

  /// - Parameter subjects: the baseline first.
  func run(_ subjects: [Subject]) throws -> Outcome {
    let planned = planned
    let size = affordable(caches: Set(subjects.map(\.side.cache)).count)
    let sides = subjects.map(\.side)
    let promptSizes = Self.promptSizes(size, planned)
    let stepSizes = Self.stepSizes(size, planned)
    var pace = Pace(
      left: promptSizes.map { limit($0).prompt }
        + stepSizes.map { 2 * Double(Self.steps + 1) * limit($0).step },
      subjects: subjects.count, seconds: seconds)
    let prompts = try promptSizes.map { size in
      try pace.timed(Self.rounds) { try self.prompts(sides, size, $0) }
    }
    let steps = try stepSizes.map { size in
      try pace.timed(Self.rounds) { try self.steps(sides, size, $0) }
    }
    var extent = WorkloadTimes.Extent(
      prompt: size.prompt, plannedPrompt: planned.prompt, depth: size.depth,
      plannedDepth: planned.depth, batch: size.batch, plannedBatch: planned.batch,
      rounds: pace.least,
      modelError: nil)
    var errors: [Double] = []
    let rows = subjects.indices.map { index in
      let factors = subjects[index].factors
      func seconds(_ rounds: [[[Double]]]) -> [Double] {
        rounds.map { SpeedMeasure.median($0[index]) }
      }
      let prompt = Continuation(
        zip(promptSizes, seconds(prompts)).map {
          (Self.promptTerms($0), $1, limit($0, factors).prompt)
        }, to: (Self.promptTerms(planned), limit(planned, factors).prompt))
      let step = Continuation(
        zip(stepSizes, seconds(steps)).map {
          (Self.stepTerms($0, next: planned, timed: size), $1, limit($0, factors).step)
        }, to: (Self.stepTerms(planned, next: planned, timed: size), limit(planned, factors).step))
      errors += [prompt.error, step.error].compactMap { $0 }
      return Rounds(
        prompts[0][index], steps[0][index], longer: (prompt.longer, step.longer), planner.workload)
    }
    extent.modelError = errors.max()
    let times = rows.indices.map { index in
      rows[index].times(
        next: rows[0], promptRate: Double(size.prompt) / SpeedMeasure.median(prompts[0][index]),
        decodeRate: Double(size.batch) / SpeedMeasure.median(steps[0][index]))
    }
    return (times, extent)
  }

  /// Prompts that are timed: the largest first, and smaller ones where it is continued.
  private static func promptSizes(_ size: Size, _ planned: Size) -> [Size] {
    guard size.prompt < planned.prompt else { return [size] }
    return smaller(\.prompt, of: size)
  }

  /// Steps that are timed: the largest first, and smaller ones in what is continued.
  private static func stepSizes(_ size: Size, _ planned: Size) -> [Size] {
    switch (size.depth < planned.depth, size.batch < planned.batch) {
    case (false, false): return [size]
    case (true, false): return smaller(\.depth, of: size)
    case (false, true): return smaller(\.batch, of: size)
    case (true, true):
      var both = [size]
      for path in [\Size.depth, \Size.batch] {
        both += both.map { half in
          var half = half
          half[keyPath: path] = max(1, half[keyPath: path] / 2)
          return half
        }
      }
      return both
    }
  }

  private static func smaller(_ path: WritableKeyPath<Size, Int>, of size: Size) -> [Size] {
    [1, 2, 4].filter { size[keyPath: path] / $0 > 0 }.map { part in
      var smaller = size
      smaller[keyPath: path] /= part
      return smaller
    }
  }

  /// Work for each token, and for each pair of tokens that look at each other.
  private static func promptTerms(_ size: Size) -> [Double] {
    [Double(size.prompt), Double(size.prompt) * Double(size.prompt)]
  }

  /// What a step reads once, and what grows with what is continued.
  private static func stepTerms(_ size: Size, next planned: Size, timed: Size) -> [Double] {
    let (depth, batch) = (Double(size.depth), Double(size.batch))
    switch (timed.depth < planned.depth, timed.batch < planned.batch) {
    case (true, true): return [1, batch, batch * depth]
    case (false, true): return [1, batch]
    default: return [1, depth]
    }
  }

  /// Seconds of one prompt in each round, by subject.
  private func prompts(_ subjects: [EvaluationSubject], _ size: Size, _ rounds: Int) throws
    -> [[Double]]
  {
    let points = try measure(
      subjects, Size(prompt: size.prompt, depth: 1, batch: 1), rounds,
      "prompts of \(size.prompt) tokens")
    return points.map { $0.prefillRounds.map { Double(size.prompt) / max(1e-9, $0) } }
  }

  /// Seconds of one step of all sequences in each round, by subject.
  private func steps(_ subjects: [EvaluationSubject], _ size: Size, _ rounds: Int) throws
    -> [[Double]]
  {
    let points = try measure(
      subjects, Size(prompt: 0, depth: size.depth, batch: size.batch), rounds,
      "\(size.batch) sequences after \(size.depth) tokens")
    return points.map { $0.rounds.map { Double(size.batch) / max(1e-9, $0) } }
  }

  private func measure(
    _ subjects: [EvaluationSubject], _ size: Size, _ rounds: Int, _ what: String
  ) throws -> [BatchReport.Point] {
    let measure = BatchMeasure(
      subjects: subjects.map {
        SpeedSubject(recipe: $0.name, model: $0.model, cache: $0.cache)
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

/// How many rounds the time allows: by the machine's limits at first, then by how much longer what was timed took.
private struct Pace {
  /// Seconds at the limits of one round of one subject, for each size that is left.
  private var left: [Double]
  private let subjects: Double
  private let deadline: Double
  private var expected = 0.0
  private var taken = 0.0
  /// The fewest rounds that a size was timed in.
  private(set) var least = Int.max

  init(left: [Double], subjects: Int, seconds: Double) {
    self.left = left
    self.subjects = Double(subjects)
    deadline = Machine.seconds() + seconds
  }

  /// Times the next size in as many rounds as there is time for.
  mutating func timed<Result>(
    _ range: ClosedRange<Int>, _ body: (_ rounds: Int) throws -> Result
  ) rethrows -> Result {
    let slower = expected > 0 ? max(1, taken / expected) : 1
    let round = subjects * left.reduce(0, +) * slower
    let rest = deadline - Machine.seconds()
    // One round more warms up, and one is traced.
    let rounds = min(
      max(Int(min(rest / max(1e-9, round) - 2, 100)), range.lowerBound), range.upperBound)
    let start = Machine.seconds()
    let result = try body(rounds)
    taken += Machine.seconds() - start
    expected += subjects * left.removeFirst() * Double(rounds + 2)
    least = min(least, rounds)
    return result
  }
}

/// The seconds of each round of one subject, continued to the planned sizes.
private struct Rounds {
  var prompts: [Double]
  var steps: [Double]
  var requests: [Double]

  /// - Parameter longer: how many times longer the planned sizes take than what was timed.
  init(
    _ prompts: [Double], _ steps: [Double], longer: (prompt: Double, step: Double),
    _ workload: Workload
  ) {
    let prompts = prompts.map { $0 * longer.prompt }
    let steps = steps.map { $0 * longer.step }
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
