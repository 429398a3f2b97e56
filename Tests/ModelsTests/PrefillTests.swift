import Models
import Operators
import Tensors
import Testing

/// Several prompts that run together give what each gives alone.
@Suite struct PrefillTests {
  /// The same float32 sums in another order.
  private static let orderTolerance: Float = 2e-4
  /// Lengths on both sides of a block of the cache, and one token.
  private static let lengths = [5, 1, 64, 100, 33]

  private static func prompts(_ fixture: FixtureModel) throws -> [[Int32]] {
    let ids = try fixture.reference().ids
    return lengths.enumerated().map { index, length in Array(ids[(index * 7)...].prefix(length)) }
  }

  private static func caches(
    _ model: Model, _ format: KVFormatPair? = nil, capacity: Int? = nil
  ) throws -> [BlockKVCache] {
    try lengths.map { _ in try model.makeCache(format, capacity: capacity) }
  }

  @Test(arguments: FixtureModel.all, [7, 64, 512])
  func promptsTogetherEqualEachAlone(_ fixture: FixtureModel, _ chunk: Int) throws {
    let model = try fixture.model()
    let context = try makeContext()
    let prompts = try Self.prompts(fixture)
    let together = try Self.caches(model)
    let logits = try model.prefill(
      prompts: prompts, caches: together, context: context, options: ForwardOptions(chunk: chunk))
    #expect(logits.rows == prompts.count)
    #expect(together.map(\.length) == Self.lengths)
    for (index, prompt) in prompts.enumerated() {
      let cache = try model.makeCache()
      let alone = try model.forward(tokens: prompt, cache: cache, context: context)
      #expect(
        largestDifference(logits.values(row: index), alone.values(row: 0)) < Self.orderTolerance)
      // What comes after is the same too: the caches hold the same.
      let next = try model.forward(tokens: [9], cache: cache, context: context)
      let beside = try model.forward(tokens: [9], cache: together[index], context: context)
      #expect(
        largestDifference(beside.values(row: 0), next.values(row: 0)) < Self.orderTolerance)
    }
  }

  /// Rows of a linear layer do not depend on the other rows where the kernel sums each in the same order, which it
  /// does for any two numbers of tokens above one.
  @Test(arguments: FixtureModel.all, [BaselinePrecision.f32, .bf16])
  func rowsDoNotSeeEachOther(_ fixture: FixtureModel, _ precision: BaselinePrecision) throws {
    let model = try fixture.model(precision)
    let ids = try fixture.reference().ids
    let context = try makeContext()
    let prompts = [3, 20, 64].map { Array(ids[$0..<$0 * 2]) }
    let caches = try prompts.map { _ in try model.makeCache() }
    let logits = try model.prefill(prompts: prompts, caches: caches, context: context)
    // Next to others, so that the head sees more than one row as well.
    let others = try prompts.map { _ in try model.makeCache() }
    let again = try model.prefill(
      prompts: prompts.reversed(), caches: others, context: context)
    for row in prompts.indices {
      #expect(logits.values(row: row) == again.values(row: prompts.count - 1 - row))
    }
  }

  @Test func promptsGoBehindWhatIsThere() throws {
    let model = try FixtureModel(name: "qwen3").model()
    let ids = try FixtureModel(name: "qwen3").reference().ids
    let context = try makeContext()
    let caches = try [10, 70].map { length in
      let cache = try model.makeCache()
      try model.forward(tokens: Array(ids[..<length]), cache: cache, context: context)
      return cache
    }
    let alone = try caches.map { cache in
      try model.forward(tokens: Array(ids[80..<96]), cache: cache.fork(), context: context)
    }
    let logits = try model.prefill(
      prompts: [Array(ids[80..<96]), Array(ids[80..<96])], caches: caches, context: context,
      options: ForwardOptions(chunk: 20))
    #expect(caches.map(\.length) == [26, 86])
    for (row, expected) in alone.enumerated() {
      #expect(
        largestDifference(logits.values(row: row), expected.values(row: 0)) < Self.orderTolerance)
    }
  }

  /// Passes are short where the latest tokens are kept in full precision; several prompts still share them.
  @Test func cachesWithAWindowShareTheirPasses() throws {
    let fixture = FixtureModel(name: "llama3-scaling")
    let model = try fixture.model()
    let context = try makeContext()
    let format = KVFormatPair(
      keys: .integer(bits: 8, group: 32), values: .integer(bits: 8, group: 32),
      window: KVWindow(tokens: 32, type: .f32))
    let prompts = try Self.prompts(fixture)
    let caches = try Self.caches(model, format)
    let logits = try model.prefill(prompts: prompts, caches: caches, context: context)
    #expect(caches.map(\.length) == Self.lengths)
    for (index, prompt) in prompts.enumerated() {
      let alone = try model.forward(
        tokens: prompt, cache: model.makeCache(format), context: context)
      #expect(
        largestDifference(logits.values(row: index), alone.values(row: 0)) < Self.orderTolerance)
    }
  }

  @Test func whatCannotRunIsRefusedAndChangesNothing() throws {
    let model = try FixtureModel(name: "qwen2").model()
    let other = try FixtureModel(name: "qwen3").model()
    let context = try makeContext()
    let caches = try (0..<2).map { _ in try model.makeCache(capacity: 10) }
    func run(_ prompts: [[Int32]], _ caches: [any KVCache], _ error: ModelError) {
      #expect(throws: error) {
        try model.prefill(prompts: prompts, caches: caches, context: context)
      }
    }
    run([], [], .noTokens)
    run([[1], []], caches, .noTokens)
    run([[1], [2, 64]], caches, .unknownToken(64, position: 1, vocabulary: 64))
    run(
      [[1, 2], [Int32](repeating: 1, count: 11)], caches,
      .contextExceeded(tokens: 11, capacity: 10))
    run([[1], [2]], [caches[0]], .cacheMismatch(expected: "2 sequences", found: "1 caches"))
    run(
      [[1], [2]], [caches[0], caches[0]],
      .cacheMismatch(
        expected: "2 sequences, each in a cache of its own", found: "1 different caches"))
    let foreign = try other.makeCache()
    #expect(throws: ModelError.self) {
      try model.prefill(prompts: [[1], [2]], caches: [caches[0], foreign], context: context)
    }
    #expect(caches.allSatisfy { $0.length == 0 } && foreign.length == 0)
  }

  @Test func aCancelledPassKeepsThoseThatWereFinished() throws {
    let model = try FixtureModel(name: "qwen2").model()
    let context = try makeContext()
    let caches = try (0..<2).map { _ in try model.makeCache() }
    let prompts: [[Int32]] = [Array(repeating: 3, count: 6), Array(repeating: 4, count: 6)]
    let blocks = model.blocks.count
    var asked = 0
    #expect(throws: CancellationError.self) {
      try model.prefill(
        prompts: prompts, caches: caches, context: context,
        options: ForwardOptions(
          chunk: 8,
          isCancelled: {
            asked += 1
            return asked > blocks
          }))
    }
    // One pass of eight tokens: six of the first prompt, two of the second.
    #expect(caches.map(\.length) == [6, 2])
  }
}
