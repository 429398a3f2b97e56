package import Models
package import Operators
import Platform
package import Tensors

/// A model, the cache it runs with, and what it is called: one side of a speed measurement.
package struct SpeedSubject: Sendable {
  package var recipe: String
  package var model: Model
  package var cache: KVFormatPair

  package init(recipe: String, model: Model, cache: KVFormatPair) {
    self.recipe = recipe
    self.model = model
    self.cache = cache
  }
}

/// Measures prefill and decode of several models in turns, so that the machine's moods fall on all alike.
///
/// Tokenizing and sampling are left out. The first round warms up and is not counted; the kernel trace is taken
/// in a round of its own, so that timing it costs the figures nothing.
package struct SpeedMeasure {
  package let subjects: [SpeedSubject]
  package let context: ExecutionContext
  /// Token ids to feed, repeated as often as needed.
  package let text: [Int32]
  package let promptTokens: Int
  package let generatedTokens: Int
  package let depth: Int
  package let repetitions: Int
  /// What operators are held against, layer by layer; nil leaves that out.
  package let peaks: MachinePeaks?
  /// What the second of two subjects is.
  package var baseline = BaselineWords()

  package init(
    subjects: [SpeedSubject], context: ExecutionContext, text: [Int32], promptTokens: Int,
    generatedTokens: Int, depth: Int, repetitions: Int, peaks: MachinePeaks? = nil
  ) {
    self.subjects = subjects
    self.context = context
    self.text = text
    self.promptTokens = promptTokens
    self.generatedTokens = generatedTokens
    self.depth = depth
    self.repetitions = repetitions
    self.peaks = peaks
  }

  private struct Samples {
    var prefill: [Double] = []
    var decode: [Double] = []
    var firstToken: [Double] = []
    var limits: [MachinePeaks] = []
  }

  /// One report for each subject, in their order, and the memory of the process while all of them are at hand.
  package func run(
    progress: (Int) -> Void = { _ in }, checkpoint: () throws -> Void = {}
  ) throws -> (sides: [BenchReport.Side], memory: ProcessMemoryUse?) {
    let caches = try subjects.map { subject in
      try subject.model.makeCache(
        subject.cache, capacity: depth + promptTokens + generatedTokens + 1)
    }
    let firstPasses = try subjects.indices.map { index in
      // In a cache of its own: some learn from the first tokens they see.
      let cache = try subjects[index].model.makeCache(subjects[index].cache, capacity: 1)
      let start = Machine.seconds()
      try subjects[index].model.forward(
        tokens: tokens(from: 0, 1), cache: cache, context: context)
      return Machine.seconds() - start
    }
    for (index, subject) in subjects.enumerated() {
      try fill(caches[index], subject: subject, checkpoint: checkpoint)
    }
    context.trace = nil
    let samples = try rounds(caches, progress: progress, checkpoint: checkpoint)
    let sides = try subjects.indices.map { index in
      try checkpoint()
      var side = try side(index, samples[index], caches[index])
      side.firstPassSeconds = firstPasses[index]
      return side
    }
    let words = subjects.count == 2 ? ["quantized", baseline.short] : subjects.map(\.recipe)
    let memory = ProcessMemoryUse.take(
      sides: subjects.indices.map { (words[$0], subjects[$0].model, caches[$0]) },
      contexts: [context])
    return (sides, memory)
  }

  /// What each side gave in the rounds that count.
  ///
  /// The buffer that limits are read from is given back at their end.
  private func rounds(
    _ caches: [BlockKVCache], progress: (Int) -> Void, checkpoint: () throws -> Void
  ) throws -> [Samples] {
    var samples = [Samples](repeating: Samples(), count: subjects.count)
    let moment = try LimitsOfTheMoment(context)
    for round in 0...repetitions {
      // Alternate who goes first.
      let order = round.isMultiple(of: 2) ? Array(subjects.indices) : subjects.indices.reversed()
      for index in order {
        try checkpoint()
        let before = moment.take()
        try warm(subjects[index].model, caches[index])
        let taken = try pass(subjects[index].model, caches[index])
        let after = moment.take()
        guard round > 0 else { continue }
        samples[index].limits.append(moment.limits(before, after))
        samples[index].prefill.append(Double(promptTokens) / taken.prefill)
        samples[index].firstToken.append(taken.prefill)
        samples[index].decode.append(Double(generatedTokens) / taken.decode)
      }
      progress(round + 1)
    }
    return samples
  }

  /// Fills the cache to `depth` through the model itself.
  private func fill(
    _ cache: BlockKVCache, subject: SpeedSubject, checkpoint: () throws -> Void
  ) throws {
    var done = 0
    while done < depth {
      try checkpoint()
      let count = min(512, depth - done)
      try subject.model.forward(tokens: tokens(from: done, count), cache: cache, context: context)
      done += count
    }
  }

  /// A token that is not timed brings back what slices of the limits put out of the processor's caches.
  private func warm(_ model: Model, _ cache: BlockKVCache) throws {
    cache.truncate(to: depth)
    try model.forward(tokens: tokens(from: depth, 1), cache: cache, context: context)
  }

  private func tokens(from start: Int, _ count: Int) -> [Int32] {
    (0..<count).map { text[(start + $0) % text.count] }
  }

  /// One prompt and its continuation after what lies in the cache, which is then as before.
  private func pass(
    _ model: Model, _ cache: BlockKVCache, phase: (Bool) -> Void = { _ in }
  ) throws -> (prefill: Double, decode: Double) {
    let logits = Logits()
    cache.truncate(to: depth)
    phase(true)
    let start = Machine.seconds()
    try model.forward(
      tokens: tokens(from: depth, promptTokens), cache: cache, context: context, into: logits)
    let middle = Machine.seconds()
    phase(false)
    let restart = Machine.seconds()
    for index in 0..<generatedTokens {
      try model.forward(
        tokens: tokens(from: depth + promptTokens + index, 1), cache: cache, context: context,
        into: logits)
    }
    let end = Machine.seconds()
    return (middle - start, end - restart)
  }

  private func side(
    _ index: Int, _ samples: Samples, _ cache: BlockKVCache
  ) throws -> BenchReport.Side {
    let subject = subjects[index]
    let prefill = KernelTrace()
    let decode = KernelTrace()
    defer { context.trace = nil }
    _ = try pass(subject.model, cache) { context.trace = $0 ? prefill : decode }
    let model = subject.model
    let shape = model.configuration.shape
    var side = BenchReport.Side(
      recipe: subject.recipe, prefill: Self.rate(samples.prefill),
      decode: Self.rate(samples.decode), firstTokenSeconds: Self.median(samples.firstToken),
      weightBytes: model.weightBytes, kvBytesPerToken: shape.kvBytesPerToken(subject.cache),
      memory: [
        "packed weights": model.packedBytes, "embedding and norms": model.otherBytes,
        "KV cache": cache.byteCount, "activations": context.scratchBytes,
      ],
      peakResidentBytes: Machine.peakResidentBytes() ?? 0, provider: context.provider,
      threads: context.pool.threads, kernels: Self.merged(prefill.kernels, decode.kernels),
      prefillKernels: prefill.kernels, decodeKernels: decode.kernels,
      layers: peaks.map {
        LayerProfile(
          prefill: LayerProfile.rows(prefill, peaks: $0),
          decode: LayerProfile.rows(decode, peaks: $0))
      }, trace: cost(of: decode, tokensPerSecond: Self.median(samples.decode)))
    side.prefillLimit = share(prefill, of: promptTokens, samples.prefill, samples.limits)
    side.decodeLimit = share(decode, of: generatedTokens, samples.decode, samples.limits)
    return side
  }

  /// What a phase of so many tokens reached of the limits next to it.
  private func share(
    _ trace: KernelTrace, of tokens: Int, _ rates: [Double], _ limits: [MachinePeaks]
  ) -> LimitShare? {
    LimitShare(trace.kernels, rounds: zip(rates, limits).map { (Double(tokens) / $0, $1) })
  }

  private func cost(of trace: KernelTrace, tokensPerSecond: Double) -> TraceCost? {
    let records = Double(trace.count) / Double(max(1, generatedTokens))
    guard tokensPerSecond > 0, records > 0 else { return nil }
    return TraceCost(
      secondsPerRecord: KernelTrace.secondsPerRecord(operators: Int(records)),
      recordsPerToken: records, secondsPerToken: 1 / tokensPerSecond)
  }

  /// Median, quartiles, lowest and highest of some rates.
  static func rate(_ samples: [Double]) -> BenchReport.Rate {
    BenchReport.Rate(samples)
  }

  /// The middle of the samples, or the mean of the two in the middle; 0 of none.
  package static func median(_ samples: [Double]) -> Double {
    let sorted = samples.sorted()
    guard let last = sorted.last else { return 0 }
    let middle = sorted.count / 2
    return sorted.count.isMultiple(of: 2) && sorted.count > 1
      ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted.count == 1 ? last : sorted[middle]
  }

  private static func merged(_ first: [KernelRecord], _ second: [KernelRecord]) -> [KernelRecord] {
    var records = first
    for record in second {
      if let index = records.firstIndex(where: {
        $0.operator == record.operator && $0.kernel == record.kernel
      }) {
        records[index].merge(record)
      } else {
        records.append(record)
      }
    }
    return records.sorted { $0.seconds > $1.seconds }
  }
}
