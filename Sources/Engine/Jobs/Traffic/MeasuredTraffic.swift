import Models
import Operators
import Planning
import Platform
import Profiling
import Quantization
import Serving
import Tensors
import Wording

/// A trace on this machine: steps of each form are timed and fitted, the trace is simulated with them, and on request the
/// real engine runs it too.
struct MeasuredTraffic {
  let options: TrafficOptions
  let held: Laboratory.OpenModel
  let laboratory: Laboratory
  let reporter: JobReporter<Never>

  private static let seats = 16
  private static let chunk = 128
  /// Cached tokens of all sequences that are timed, and the share of free memory they may take.
  private static let mostTokens = 65_536
  private static let memoryShare = 0.4

  private var seats: Int { options.seats ?? Self.seats }
  private var chunk: Int { min(options.chunk ?? Self.chunk, held.summary.shape.context / 2) }

  func run() throws -> TrafficReport {
    let shape = held.summary.shape
    let trace = try options.trace(context: shape.context)
    let peaks = try laboratory.machinePeaks(reporter)
    let context = try laboratory.makeContext()
    let subjects = try subjects(context)
    let depth = depth(trace, subjects)
    let since = Machine.seconds()
    let share = MachineShare()
    let timed = try StepTiming(
      subjects: subjects, context: context, seats: seats, chunk: chunk, depth: depth,
      checkpoint: reporter.checkpoint,
      progress: { done, total in
        reporter.progress("timing steps", done: done, of: total, unit: "steps", since: since)
      }
    ).run()
    var runs = TrafficRuns(trace: trace, options: options, checkpoint: reporter.checkpoint)
    var sides: [TrafficReport.Side] = []
    for (subject, timed) in zip(subjects, timed) {
      sides.append(try side(subject, timed, peaks, context, &runs))
    }
    var notes = [MachineShare.note(share.othersCores)].compactMap(\.self)
    let mean = trace.tokens
    let longest = Double(mean.prompt + mean.generated) / Double(max(1, trace.requests.count))
    if Double(depth) < longest {
      notes.append(
        "Steps were timed after at most \(depth) cached tokens, and requests have \(Quantity.grouped(Int(longest))) on average: what is longer "
          + "is continued by the fit.")
    }
    return TrafficReport(
      model: held.summary.label, runs: runs, machine: peaks.name, isModelled: false, ways: 1,
      sides: sides, notes: notes)
  }

  /// Full precision, what the open model was quantized to, and each recipe made in memory.
  private func subjects(_ context: ExecutionContext) throws -> [SpeedSubject] {
    var subjects = [SpeedSubject(recipe: held.referenceWords, model: held.model, cache: .fp16)]
    if let quantized = held.quantized {
      subjects.append(
        SpeedSubject(
          recipe: held.subjectWords, model: quantized.model, cache: quantized.cache))
    }
    for recipe in options.recipes {
      guard try !recipe.calibrates() else {
        throw EngineError.badTraffic(
          option: "--try",
          expected:
            "a recipe without calibration on this machine (or as the recipe of the command)",
          found: RecipeText.text(of: recipe))
      }
      let recipe = try recipe.fitted(to: recipe.widths(of: held.model)).recipe
      subjects.append(
        SpeedSubject(
          recipe: RecipeText.text(of: recipe),
          model: try held.model.formed(by: recipe, context: context, reporter),
          cache: try recipe.cacheFormat(standard: .fp16)))
    }
    return subjects
  }

  /// Tokens in the longest caches that are timed: what requests have on average, as far as memory allows.
  private func depth(_ trace: RequestTrace, _ subjects: [SpeedSubject]) -> Int {
    let shape = held.summary.shape
    let tokens = trace.tokens
    let mean = (tokens.prompt + tokens.generated) / max(1, trace.requests.count)
    let bytes = subjects.reduce(0) { $0 + shape.kvBytesPerToken($1.cache) }
    let room = (Machine.memoryAvailable().map(Double.init) ?? 1e12) * Self.memoryShare
    let most =
      min(
        Double(Self.mostTokens), room / Double(max(1, bytes))) / Double(seats + 1)
    let depth = max(
      chunk, min(mean, Int(most), shape.context - chunk - 2))
    // A whole number of blocks would take a new one with each step.
    return depth % KVBlockLayout.tokens == 0 ? depth + 1 : depth
  }

  private func side(
    _ subject: SpeedSubject, _ timed: StepTiming.Outcome, _ peaks: MachinePeaks,
    _ context: ExecutionContext, _ runs: inout TrafficRuns
  ) throws -> TrafficReport.Side {
    let shape = held.summary.shape
    var form = ServedForm(
      name: subject.recipe, linearBytes: Double(subject.model.linearBytes),
      tableBits: Double(subject.model.otherBytes) * 8
        / Double(max(1, shape.embeddingParameters * (shape.tiedEmbeddings ? 1 : 2))),
      rate: peaks.bf16Rate)
    form.setCache(subject.cache, of: shape)
    let planner = Planner(
      model: shape,
      workload: Workload(context: shape.context, promptTokens: chunk, batch: seats), peaks: peaks,
      methods: PlannedMethods())
    let capacity = ServingCapacity(
      model: shape, form: form, budget: options.memory ?? peaks.memoryBytes,
      activationBytes: planner.activationBytes, blockTokens: KVBlockLayout.tokens)
    try capacity.check(form, on: peaks, ways: 1)
    let limits = ServingLimits(
      blocks: capacity.blocks, blockTokens: capacity.blockTokens, seatBlocks: form.seatBlocks,
      seats: seats, chunk: chunk)
    let fit = StepCostFit(timed.fitted)
    let (report, largest) = try runs.run(limits) { fit.seconds($0) }
    var side = TrafficReport.Side(
      form: form, capacity: capacity, limits: limits, simulated: report, largest: largest,
      fit: fit.quality(fitted: timed.fitted.count, checks: timed.checks), explanation: [])
    if options.executes { try execute(subject, fit, context, runs.trace, &side) }
    return side
  }

  /// Runs the trace through the engine, and holds the fit against each of its steps.
  private func execute(
    _ subject: SpeedSubject, _ fit: StepCostFit, _ context: ExecutionContext,
    _ trace: RequestTrace, _ side: inout TrafficReport.Side
  ) throws {
    let since = Machine.seconds()
    var steps: [StepCostFit.Sample] = []
    side.executed = try TrafficExecution(
      subject.model, cache: subject.cache, context: context, limits: side.limits, trace: trace
    ).run(
      progress: { done in
        reporter.progress(
          "serving as \(subject.recipe)", done: done, of: trace.requests.count,
          unit: "requests", since: since)
      }, checkpoint: reporter.checkpoint,
      observe: { steps.append(StepCostFit.Sample(step: $0, seconds: $1)) })
    side.replayed = TrafficReport.Replayed(
      steps: steps.count, measured: steps.reduce(0) { $0 + $1.seconds },
      fitted: steps.reduce(0) { $0 + fit.seconds($1.step) },
      medianError: fit.quality(fitted: 0, checks: steps).medianError)
  }
}

extension Model {
  /// The model as a recipe without calibration leaves it, block by block; what stays as it is is shared.
  func formed(
    by recipe: Recipe, context: ExecutionContext, _ reporter: JobReporter<Never>
  ) throws -> Model {
    guard try !recipe.methods().isEmpty else { return self }
    let start = Machine.seconds()
    var made: [Int: DecoderBlock] = [:]
    for index in blocks.indices {
      try reporter.checkpoint()
      reporter.progress(
        "making \(RecipeText.text(of: recipe))", done: index, of: blocks.count, unit: "blocks",
        since: start)
      made[index] = try BlockTrial(
        recipe: recipe, model: self, index: index, sequences: [], context: context
      ).drafted
    }
    return try replacing(blocks: made)
  }
}
