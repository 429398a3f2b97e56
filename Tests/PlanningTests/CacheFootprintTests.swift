import Models
import Operators
import Planning
import Platform
import Tensors
import Testing

/// The planner's bytes next to those of real caches.
@Suite struct CacheFootprintTests {
  /// 2 layers of 2 heads of 64 channels.
  private static let shape = ModelShape(
    architecture: "llama", blocks: 2, hiddenSize: 256, intermediateSize: 512, heads: 4, kvHeads: 2,
    headDimension: 64, vocabularySize: 100, context: 4096, tiedEmbeddings: true)

  private static func layout(_ format: KVFormat) -> KVCacheLayout {
    KVCacheLayout(
      layers: 2, kvHeads: 2, headDimension: 64, format: KVFormatPair(keys: format, values: format))
  }

  private func fill(_ cache: BlockKVCache, to length: Int, _ context: ExecutionContext) throws {
    let vectors = (0..<256 * 128).map { Float($0 % 17) - 8 }
    while cache.length < length {
      let count = min(256, length - cache.length)
      try cache.reserve(count)
      for layer in 0..<2 {
        cache.append(keys: vectors, values: vectors, tokens: count, layer: layer, context: context)
      }
      cache.advance(count)
    }
  }

  /// A context and the tokens of it that all sequences have in common.
  @Test(arguments: [(1000, 0), (1000, 500), (1024, 512), (777, 64), (640, 640), (130, 63)])
  func isWhatSequencesThatForkHold(_ context: Int, _ shared: Int) throws {
    let execution = try ExecutionContext(pool: WorkerPool(threads: 1))
    for format in [
      KVFormat.float(type: .f16), .integer(bits: 8, group: 32), .integer(bits: 4, group: 32),
    ] {
      let footprint = CacheFootprint(Self.shape)
      for sequences in [1, 2, 5, 16] {
        // The first sequence runs to the end of the prefix, the others fork off, and all go on by themselves.
        let pool = try KVBlockPool(Self.layout(format))
        let first = BlockKVCache(pool: pool, capacity: context)
        try fill(first, to: shared, execution)
        let caches = [first] + (1..<sequences).map { _ in first.fork() }
        for cache in caches { try fill(cache, to: context, execution) }
        let planned = footprint.bytes(
          context: Double(context), requests: Double(sequences), shared: Double(shared),
          bits: format.bitsPerValue(headDimension: 64))
        #expect(planned == Double(pool.heldBytes), "\(format), \(sequences) sequences")
        withExtendedLifetime(caches) {}
      }
    }
  }

  /// Resident memory, as the system tells, from 1 to 16 sequences with a common prefix.
  @Test func residentBytesAreWithinFivePercent() throws {
    let execution = try ExecutionContext(pool: WorkerPool(threads: 1))
    let pool = try KVBlockPool(Self.layout(.float(type: .f16)))
    let prefix = BlockKVCache(pool: pool, capacity: 4096)
    try fill(prefix, to: 2048, execution)
    var caches: [BlockKVCache] = []
    for count in 1...16 {
      let cache = prefix.fork()
      try fill(cache, to: 4096, execution)
      caches.append(cache)
      let planned = CacheFootprint(Self.shape).bytes(
        context: 4096, requests: Double(count), shared: 2048, bits: 16)
      let resident = Double(pool.residentBytes)
      // Pages of 2 MiB are there whole; the 4 MB of one sequence end on such a page.
      #expect(abs(resident / planned - 1) < 0.05, "\(count): \(resident) of \(planned)")
    }
    withExtendedLifetime(caches) {}
  }

  @Test func windowsBoundWhatIsKept() {
    // 1000 tokens in a window of 100 touch three blocks at most: 100 tokens over 64, rounded up, and one.
    #expect(CacheFootprint.blocks(window: 100, context: 1000, requests: 1, shared: 0) == 3)
    // The prefix of 900 tokens has left the window but for its end: blocks 13 to 15, of which 13 is common.
    #expect(
      CacheFootprint.blocks(window: 100, context: 1000, requests: 4, shared: 900) == 1 + 4 * 2)
    // A prefix that the window has passed is shared no more.
    #expect(CacheFootprint.blocks(window: 100, context: 1000, requests: 4, shared: 500) == 12)
    #expect(CacheFootprint.blocks(window: 0, context: 1000, requests: 4, shared: 500) == 7 + 4 * 9)
  }
}
