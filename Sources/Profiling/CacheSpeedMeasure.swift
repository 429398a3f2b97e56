package import Models
package import Operators
import Platform
package import Tensors

/// Decode speed and resident bytes of one model with several caches, at one depth after another.
package struct CacheSpeedReport: Hashable, Sendable, Codable {
  /// One cache at one depth.
  package struct Row: Hashable, Sendable, Codable {
    package var cache: String
    /// Tokens in the cache before those that are decoded.
    package var depth: Int
    package var decode: BenchReport.Rate
    /// Of one decoded token, in attention and appending to the cache.
    package var cacheSeconds: Double
    /// Of one decoded token, in all operators.
    package var operatorSeconds: Double
    /// Bytes the cache holds, by arithmetic.
    package var cacheBytes: Int
    /// Bytes this process grew by when the cache was filled to this depth, from empty.
    package var residentBytes: Int
    package var kvBytesPerToken: Int
    /// The attention kernel that ran.
    package var kernel: String
    /// What decode reached of the machine's limits in the same seconds; nil in reports that were made without.
    package var decodeLimit: LimitShare?
  }

  package var model: String
  package var weights: String
  package var threads: Int
  package var steps: Int
  package var repetitions: Int
  /// By depth, within it in the order of the caches.
  package var rows: [Row]
  /// Cores that others had while it was measured; nil in reports that were made without.
  package var othersCores: Double?

  package init(
    model: String, weights: String, threads: Int, steps: Int, repetitions: Int, rows: [Row]
  ) {
    self.model = model
    self.weights = weights
    self.threads = threads
    self.steps = steps
    self.repetitions = repetitions
    self.rows = rows
  }
}

/// Fills caches with random vectors through their own append path and decodes after them, in turns.
package struct CacheSpeedMeasure {
  package let model: Model
  package let caches: [(name: String, format: KVFormatPair)]
  package let context: ExecutionContext
  /// Ascending.
  package let depths: [Int]
  package let steps: Int
  package let repetitions: Int

  package init(
    model: Model, caches: [(name: String, format: KVFormatPair)], context: ExecutionContext,
    depths: [Int], steps: Int, repetitions: Int
  ) {
    self.model = model
    self.caches = caches
    self.context = context
    self.depths = depths
    self.steps = steps
    self.repetitions = repetitions
  }

  package func run(
    progress: (Int) -> Void = { _ in }, checkpoint: () throws -> Void = {}
  ) throws -> [CacheSpeedReport.Row] {
    let capacity = (depths.max() ?? 0) + steps + 2
    let made = try caches.map { try model.makeCache($0.format, capacity: capacity) }
    var resident = [Int](repeating: 0, count: caches.count)
    let fill = RandomCacheFill(model, context: context)
    let moment = try LimitsOfTheMoment(context)
    var rows: [CacheSpeedReport.Row] = []
    // Memory that a first pass takes once is not a cache's.
    for cache in made { _ = try pass(cache, depth: 0) }
    for depth in depths {
      for index in made.indices {
        let before = Machine.residentBytes() ?? 0
        try fill.fill(made[index], to: depth, checkpoint: checkpoint)
        resident[index] += max(0, (Machine.residentBytes() ?? 0) - before)
      }
      var rounds = [[(seconds: Double, limits: MachinePeaks)]](repeating: [], count: made.count)
      for round in 0...repetitions {
        let order = round.isMultiple(of: 2) ? Array(made.indices) : made.indices.reversed()
        for index in order {
          try checkpoint()
          let before = moment.take()
          let seconds = try pass(made[index], depth: depth)
          let limits = moment.limits(before, moment.take())
          if round > 0 { rounds[index].append((seconds, limits)) }
        }
      }
      for index in made.indices {
        rows.append(
          try row(
            index, made[index], depth: depth, rounds: rounds[index], resident: resident[index]))
      }
      progress(rows.count)
    }
    return rows
  }

  /// Seconds of `steps` tokens after `depth`; one before them warms up.
  private func pass(
    _ cache: BlockKVCache, depth: Int, trace: KernelTrace? = nil
  ) throws -> Double {
    let logits = Logits()
    cache.truncate(to: depth)
    try model.forward(tokens: [1], cache: cache, context: context, into: logits)
    context.trace = trace
    defer { context.trace = nil }
    let start = Machine.seconds()
    for step in 0..<steps {
      let token = Int32((step * 7919 + 3) % model.configuration.vocabularySize)
      try model.forward(tokens: [token], cache: cache, context: context, into: logits)
    }
    let seconds = Machine.seconds() - start
    cache.truncate(to: depth)
    return seconds
  }

  private func row(
    _ index: Int, _ cache: BlockKVCache, depth: Int,
    rounds: [(seconds: Double, limits: MachinePeaks)], resident: Int
  ) throws -> CacheSpeedReport.Row {
    let trace = KernelTrace()
    _ = try pass(cache, depth: depth, trace: trace)
    let records = trace.kernels
    let reading = records.filter { $0.operator.hasPrefix("attention") }
    let keeping = records.filter { $0.operator.hasPrefix("cache") }
    let perToken = 1 / Double(max(1, steps))
    return CacheSpeedReport.Row(
      cache: caches[index].name, depth: depth,
      decode: SpeedMeasure.rate(rounds.map { Double(steps) / $0.seconds }),
      cacheSeconds: (reading + keeping).reduce(0) { $0 + $1.seconds } * perToken,
      operatorSeconds: records.reduce(0) { $0 + $1.seconds } * perToken,
      cacheBytes: cache.byteCount, residentBytes: resident,
      kvBytesPerToken: model.configuration.shape.kvBytesPerToken(caches[index].format),
      kernel: reading.max { $0.seconds < $1.seconds }?.kernel ?? "",
      decodeLimit: LimitShare(records, rounds: rounds))
  }
}
