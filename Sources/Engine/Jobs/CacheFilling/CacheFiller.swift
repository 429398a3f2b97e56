import Models
import Operators
import Planning
import Platform
import Tensors

/// Caches that share a pool and a prefix, filled one after the other.
struct CacheFiller {
  let shape: ModelShape
  let layout: KVCacheLayout
  let workload: Workload
  let context: ExecutionContext

  /// Sequences after each of which memory is measured.
  private static let sequences = 16
  /// Tokens appended at once.
  private static let chunk = 512

  func measure(_ reporter: JobReporter<Never>?) throws -> CacheMeasurement {
    let shared = Int(workload.sharedTokens(of: Double(workload.context)))
    let pool = try KVBlockPool(layout)
    let needed = planned(Self.sequences, shared: shared)
    if let free = Machine.memoryAvailable(), needed > Double(free) * 0.9 {
      throw EngineError.cacheTooLarge(needed: Int(min(needed, 1e18)), free: free)
    }
    let vectors = randomVectors()
    let start = Machine.seconds()
    let before = Machine.residentBytes() ?? 0
    // Requests share whole blocks: the tokens of a started one each writes for itself.
    let prefix = BlockKVCache(pool: pool, capacity: workload.context)
    let block = KVBlockLayout.tokens
    let common = shared >= workload.context ? workload.context : shared - shared % block
    try fill(prefix, to: common, vectors)
    var caches: [BlockKVCache] = []
    var rows: [CacheMeasurement.Row] = []
    for count in 1...Self.sequences {
      try reporter?.checkpoint()
      let cache = prefix.fork()
      try fill(cache, to: workload.context, vectors)
      caches.append(cache)
      rows.append(
        CacheMeasurement.Row(
          sequences: count, planned: planned(count, shared: shared), held: pool.heldBytes,
          resident: pool.residentBytes,
          processGrowth: max(0, (Machine.residentBytes() ?? 0) - before)))
      reporter?.progress(
        "filling caches", done: count, of: Self.sequences, unit: "sequences", since: start)
    }
    withExtendedLifetime(caches) {}
    return CacheMeasurement(
      format: "\(layout.format)", context: workload.context, sharedTokens: shared, rows: rows)
  }

  /// What the planner says such caches hold.
  private func planned(_ sequences: Int, shared: Int) -> Double {
    CacheFootprint(shape, forgets: false).bytes(
      context: Double(workload.context), requests: Double(sequences), shared: Double(shared),
      format: layout.format)
  }

  private func randomVectors() -> [Float] {
    var generator = SeededGenerator(seed: 1)
    let count = Self.chunk * layout.kvHeads * layout.headDimension
    return (0..<count).map { _ in Float(generator.normal()) }
  }

  private func fill(_ cache: BlockKVCache, to length: Int, _ vectors: [Float]) throws {
    while cache.length < length {
      let count = min(Self.chunk, length - cache.length)
      try cache.reserve(count)
      for layer in 0..<layout.layers {
        cache.append(keys: vectors, values: vectors, tokens: count, layer: layer, context: context)
      }
      cache.advance(count)
    }
  }
}
