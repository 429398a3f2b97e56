import Models
package import Operators
import Platform
import Tensors

/// Measures decode of 1 to many sequences in one step, and prefill of as many prompts together, of several models in turns.
///
/// Caches are filled with random vectors: what is decoded means nothing, how long it takes does. The first round warms up
/// and is not counted; what a step reads and multiplies is counted in a round of its own, so that the trace costs the
/// figures nothing. Slices of the machine's limits go between the rounds, and their median counts where it is above what
/// was known before: what a step is held against is then not of a slower hour, nor of one lucky slice.
package struct BatchMeasure {
  package let subjects: [SpeedSubject]
  package let context: ExecutionContext
  /// What is known of the machine before.
  package let peaks: MachinePeaks
  /// Ascending.
  package let batches: [Int]
  /// Tokens in each cache before those that are decoded.
  package let depth: Int
  /// Tokens of a prompt; 0 leaves prefill out.
  package let prompt: Int
  /// Tokens decoded of each sequence in a round.
  package let steps: Int
  package let repetitions: Int

  /// - Parameter batches: in any order.
  package init(
    subjects: [SpeedSubject], context: ExecutionContext, peaks: MachinePeaks, batches: [Int],
    depth: Int, prompt: Int, steps: Int, repetitions: Int
  ) {
    self.subjects = subjects
    self.context = context
    self.peaks = peaks
    self.batches = Set(batches).sorted()
    self.depth = depth
    self.prompt = prompt
    self.steps = steps
    self.repetitions = repetitions
  }

  /// Sequences of all passes of all subjects, for progress: time grows with them.
  package var sequences: Int {
    batches.reduce(0, +) * subjects.count * (repetitions + 2)
  }

  /// Caches of one format, as many as the largest batch so far.
  private struct Caches {
    let pool: KVBlockPool
    var decode: [BlockKVCache] = []
    var prefill: [BlockKVCache] = []
  }

  private struct Samples {
    var decode: [Double] = []
    var prefill: [Double] = []
  }

  /// One form at one batch as it was measured, before it is held against limits.
  private struct Measured {
    var form: String
    var batch: Int
    var samples: Samples
    /// Seconds of the traced steps, and what ran in them.
    var traced: Double
    var records: [KernelRecord]
    /// The kernel of the blocks, not that of the head.
    var kernel: String?
  }

  /// The points, by batch and in the order of the subjects, and the limits they are held against.
  ///
  /// - Parameters:
  ///   - report: given the points so far, and the limits so far, when a batch is done.
  ///   - progress: given what is measured and the sequences done so far.
  package func run(
    report: ([BatchReport.Point], MachinePeaks) -> Void = { _, _ in },
    progress: (_ what: String, _ done: Int) -> Void = { _, _ in },
    checkpoint: () throws -> Void = {}
  ) throws -> (points: [BatchReport.Point], peaks: MachinePeaks) {
    let limits = MachineLimit.all
    let slices = try LimitSlices(Set(limits), pool: context.pool, provider: context.provider)
    var peaks = peaks
    var taken: [MachineLimit: [Double]] = [:]
    var caches: [KVFormatPair: Caches] = [:]
    var measured: [Measured] = []
    var done = 0
    for batch in batches {
      try grow(&caches, to: batch, checkpoint: checkpoint)
      var samples = [Samples](repeating: Samples(), count: subjects.count)
      for round in 0...repetitions {
        for limit in limits { taken[limit, default: []].append(slices.take(limit)) }
        // Alternate who goes first.
        let order = round.isMultiple(of: 2) ? Array(subjects.indices) : subjects.indices.reversed()
        for index in order {
          try checkpoint()
          progress("\(subjects[index].recipe) at batch \(batch)", done)
          guard let held = caches[subjects[index].cache] else { continue }
          let decoded = try decode(subjects[index].model, Array(held.decode.prefix(batch)))
          let prefilled =
            prompt > 0
            ? try prefill(subjects[index].model, Array(held.prefill.prefix(batch))) : nil
          done += batch
          guard round > 0 else { continue }
          samples[index].decode.append(Double(batch * steps) / decoded)
          if let prefilled { samples[index].prefill.append(Double(batch * prompt) / prefilled) }
        }
      }
      for (index, subject) in subjects.enumerated() {
        try checkpoint()
        progress("what \(subject.recipe) reads at batch \(batch)", done)
        guard let held = caches[subject.cache] else { continue }
        let trace = KernelTrace()
        let traced = try decode(subject.model, Array(held.decode.prefix(batch)), trace: trace)
        let kernel = try subject.model.linears.first.map {
          try subject.model[$0].prepared(for: context).kernel
        }
        measured.append(
          Measured(
            form: subject.recipe, batch: batch, samples: samples[index], traced: traced,
            records: trace.kernels, kernel: kernel?.fullName(context.provider)))
        done += batch
      }
      for limit in limits {
        peaks[limit] = max(self.peaks[limit], SpeedMeasure.median(taken[limit] ?? []))
      }
      report(measured.map { point($0, peaks) }, peaks)
    }
    return (measured.map { point($0, peaks) }, peaks)
  }

  /// Makes and fills caches until there is one for each sequence.
  private func grow(
    _ caches: inout [KVFormatPair: Caches], to batch: Int, checkpoint: () throws -> Void
  ) throws {
    for subject in subjects {
      var held =
        try caches[subject.cache]
        ?? Caches(pool: KVBlockPool(subject.model.cacheLayout(subject.cache)))
      let fill = RandomCacheFill(subject.model, context: context)
      while held.decode.count < batch {
        let cache = BlockKVCache(pool: held.pool, capacity: depth + steps + 1)
        try fill.fill(cache, to: depth, checkpoint: checkpoint)
        held.decode.append(cache)
        held.prefill.append(BlockKVCache(pool: held.pool, capacity: prompt))
      }
      caches[subject.cache] = held
    }
  }

  private func token(_ sequence: Int, _ position: Int, of model: Model) -> Int32 {
    Int32((sequence * 104_729 + position * 7919 + 3) % model.configuration.vocabularySize)
  }

  /// Seconds of `steps` steps after `depth`; one before them warms up.
  private func decode(
    _ model: Model, _ caches: [BlockKVCache], trace: KernelTrace? = nil
  ) throws -> Double {
    let logits = Logits()
    func step(_ position: Int) throws {
      try model.decode(
        tokens: caches.indices.map { token($0, position, of: model) }, caches: caches,
        context: context, into: logits)
    }
    for cache in caches { cache.truncate(to: depth) }
    try step(0)
    context.trace = trace
    defer { context.trace = nil }
    let start = Machine.seconds()
    for position in 1...steps { try step(position) }
    let seconds = Machine.seconds() - start
    for cache in caches { cache.truncate(to: depth) }
    return seconds
  }

  /// Seconds of one prompt for each cache, all together.
  private func prefill(_ model: Model, _ caches: [BlockKVCache]) throws -> Double {
    let prompts = caches.indices.map { sequence in
      (0..<prompt).map { token(sequence, $0, of: model) }
    }
    for cache in caches { cache.reset() }
    let start = Machine.seconds()
    try model.prefill(prompts: prompts, caches: caches, context: context)
    let seconds = Machine.seconds() - start
    for cache in caches { cache.reset() }
    return seconds
  }

  private func point(_ measured: Measured, _ peaks: MachinePeaks) -> BatchReport.Point {
    let share = 1 / Double(steps)
    let linear = measured.records.filter { $0.operator.hasPrefix("linear") }
    let cached = measured.records.filter { !$0.operator.hasPrefix("linear") }
    func sum(_ records: [KernelRecord], _ value: (KernelRecord) -> Double) -> Double {
      records.reduce(0) { $0 + value($1) } * share
    }
    let linearSeconds = sum(linear, \.seconds)
    let attentionSeconds = sum(cached, \.seconds)
    let all = linear + cached
    let main =
      linear.first { $0.kernel == measured.kernel }
      ?? linear.max { $0.operations < $1.operations }
    let samples = measured.samples
    return BatchReport.Point(
      form: measured.form, batch: measured.batch, decode: SpeedMeasure.rate(samples.decode),
      rounds: samples.decode,
      prefill: samples.prefill.isEmpty ? nil : SpeedMeasure.rate(samples.prefill),
      prefillRounds: samples.prefill, weightBytes: sum(linear, \.bytes),
      cacheBytes: sum(cached, \.bytes), operations: sum(all, \.operations),
      memorySeconds: sum(all) { $0.memorySeconds(on: peaks) },
      computeSeconds: sum(all) { $0.computeSeconds(on: peaks) },
      limitSeconds: sum(all) {
        max($0.memorySeconds(on: peaks), $0.computeSeconds(on: peaks))
      }, linearSeconds: linearSeconds, attentionSeconds: attentionSeconds,
      otherSeconds: max(0, measured.traced * share - linearSeconds - attentionSeconds),
      unit: main?.unit ?? .fp32, kernel: main?.kernel ?? "", fallback: main?.reason)
  }
}
