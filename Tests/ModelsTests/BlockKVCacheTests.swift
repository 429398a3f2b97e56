import Models
import Operators
import Platform
import Tensors
import Testing

@Suite struct BlockKVCacheTests {
  private static let layout = KVCacheLayout(
    layers: 2, kvHeads: 2, headDimension: 16, format: .fp32)

  /// Keys and values that differ in every position.
  private func append(_ count: Int, to cache: BlockKVCache, seed: Float, context: ExecutionContext)
    throws
  {
    let width = cache.layout.kvHeads * cache.layout.headDimension
    try cache.reserve(count)
    for layer in 0..<cache.layout.layers {
      let keys = (0..<count * width).map { seed + Float(cache.length * width + $0) }
      let values = keys.map { -$0 - Float(layer) }
      cache.append(keys: keys, values: values, tokens: count, layer: layer, context: context)
    }
    cache.advance(count)
  }

  /// Keys of one head.
  private func keys(_ cache: BlockKVCache, layer: Int, head: Int, context: ExecutionContext)
    -> [Float]
  {
    let width = cache.layout.headDimension
    var out = [Float](repeating: .nan, count: cache.length * width)
    context.read(
      cache.view(layer: layer), keys: true, head: head, range: 0..<cache.length, into: &out)
    return out
  }

  @Test func growsByBlocks() throws {
    let context = try makeContext()
    let cache = try BlockKVCache(Self.layout, capacity: 1000)
    #expect(cache.byteCount == 0)
    // 64 tokens x 16 channels x 4 bytes, keys and values, 2 heads, 2 layers.
    let group = 64 * 16 * 4 * 2 * 2 * 2
    for (tokens, groups) in [(1, 1), (63, 1), (1, 2), (64, 3), (200, 6)] {
      try append(tokens, to: cache, seed: 0, context: context)
      #expect(cache.byteCount == groups * group)
    }
    #expect(cache.length == 329)
    cache.truncate(to: 64)
    #expect(cache.byteCount == group)
    cache.reset()
    #expect(cache.byteCount == 0)
    #expect(cache.length == 0)
  }

  /// What is resident is the whole process's, so this is done in one of its own: other tests give back memory meanwhile.
  @Test func residentMemoryFollowsTheLength() async {
    await #expect(processExitsWith: .success) {
      let suite = BlockKVCacheTests()
      let layout = KVCacheLayout(layers: 16, kvHeads: 8, headDimension: 128, format: .fp32)
      let context = try makeContext()
      let cache = try BlockKVCache(layout, capacity: 1 << 20)
      try suite.append(64, to: cache, seed: 0, context: context)
      let before = try #require(Machine.residentBytes())
      try suite.append(1024, to: cache, seed: 0, context: context)
      let grown = try #require(Machine.residentBytes())
      // 1024 tokens are 128 MiB.
      #expect(grown - before > 120 << 20)
      #expect(cache.pool.reservedBytes < 200 << 20)
      cache.reset()
      #expect(cache.pool.reservedBytes <= cache.pool.groupBytes + (2 << 20))
    }
  }

  @Test func whatWasWrittenIsReadBack() throws {
    let context = try makeContext()
    let cache = try BlockKVCache(Self.layout, capacity: 500)
    for count in [3, 100, 1, 60] {
      try append(count, to: cache, seed: 1000, context: context)
    }
    for layer in 0..<2 {
      for head in 0..<2 {
        var expected: [Float] = []
        for token in 0..<164 {
          for channel in 0..<16 { expected.append(Float(1000 + token * 32 + head * 16 + channel)) }
        }
        #expect(keys(cache, layer: layer, head: head, context: context) == expected)
      }
    }
  }

  @Test func refusesMoreThanItsCapacity() throws {
    let context = try makeContext()
    let cache = try BlockKVCache(Self.layout, capacity: 70)
    try append(70, to: cache, seed: 0, context: context)
    #expect(throws: ModelError.contextExceeded(tokens: 71, capacity: 70)) {
      try cache.reserve(1)
    }
    #expect(throws: ModelError.self) { try cache.reserve(.max) }
    #expect(throws: ModelError.self) { try cache.reserve(-1) }
    cache.truncate(to: 69)
    try cache.reserve(1)
  }

  @Test(arguments: [1, 63, 64, 65, 130]) func forksDoNotTouchOneAnother(_ shared: Int) throws {
    let context = try makeContext()
    let cache = try BlockKVCache(Self.layout, capacity: 500)
    try append(shared, to: cache, seed: 0, context: context)
    let fork = cache.fork()
    #expect(fork.length == shared)
    try append(70, to: fork, seed: 5000, context: context)
    try append(70, to: cache, seed: 9000, context: context)
    let width = 16
    for layer in 0..<2 {
      let left = keys(cache, layer: layer, head: 1, context: context)
      let right = keys(fork, layer: layer, head: 1, context: context)
      #expect(left[..<(shared * width)] == right[..<(shared * width)])
      #expect(left[shared * width] == 9000 + Float(shared * 32 + 16))
      #expect(right[shared * width] == 5000 + Float(shared * 32 + 16))
      #expect(left.last == 9000 + Float((shared + 69) * 32 + 31))
      #expect(right.last == 5000 + Float((shared + 69) * 32 + 31))
    }
  }

  @Test func cutBlocksOfAForkAreCopiedBeforeTheyAreWritten() throws {
    let context = try makeContext()
    let cache = try BlockKVCache(Self.layout, capacity: 500)
    try append(128, to: cache, seed: 0, context: context)
    let before = keys(cache, layer: 1, head: 0, context: context)
    let fork = cache.fork()
    fork.truncate(to: 30)
    try append(40, to: fork, seed: 7000, context: context)
    #expect(keys(cache, layer: 1, head: 0, context: context) == before)
  }

  @Test func cachesOfAPoolShareItsMemory() throws {
    let context = try makeContext()
    let pool = try KVBlockPool(Self.layout)
    let caches = (0..<20).map { _ in BlockKVCache(pool: pool, capacity: 200) }
    for (index, cache) in caches.enumerated() {
      try append(65, to: cache, seed: Float(index) * 100, context: context)
    }
    // One slab serves all.
    #expect(pool.reservedBytes <= 8 << 20)
    for (index, cache) in caches.enumerated() {
      #expect(keys(cache, layer: 0, head: 0, context: context)[0] == Float(index) * 100)
    }
  }

  @Test(arguments: [
    KVFormatPair.fp16, .fp32,
    KVFormatPair(keys: .integer(bits: 8, group: 8), values: .integer(bits: 4, group: 16)),
  ])
  func everyFormatRuns(_ format: KVFormatPair) throws {
    let fixture = FixtureModel(name: "qwen3")
    let model = try fixture.model()
    let reference = try fixture.reference()
    let cache = try model.makeCache(format)
    let logits = try model.forward(
      tokens: reference.ids, cache: cache, context: makeContext(), logits: .all)
    let difference = largestDifference(allValues(logits), reference.logits)
    #expect(difference < (format == .fp32 ? 1e-3 : format == .fp16 ? 0.02 : 2))
    #expect(cache.layout.format == format)
  }

  @Test func refusesFormatsWithoutKernels() throws {
    var layout = Self.layout
    layout.format.keys = .integer(bits: 5, group: 16)
    #expect(throws: OperatorError.self) { try BlockKVCache(layout, capacity: 10) }
  }
}
