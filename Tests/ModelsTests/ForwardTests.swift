import Models
import Operators
import Platform
import Tensors
import TestSupport
import Testing

/// Against transformers in float32: absolute difference of logits a few units wide.
private let referenceTolerance: Float = 1e-3
/// The same float32 sums in another order.
private let orderTolerance: Float = 2e-4
/// BF16 weights are exact here; inputs of linears are rounded to 8 bits.
private let bf16Tolerance: Float = 0.5

@Suite struct ForwardTests {
  @Test(arguments: FixtureModel.all) func agreesWithTransformers(_ fixture: FixtureModel) throws {
    let model = try fixture.model()
    let reference = try fixture.reference()
    let cache = try model.makeCache()
    let logits = try model.forward(
      tokens: reference.ids, cache: cache, context: makeContext(), logits: .all)
    #expect(logits.rows == reference.ids.count)
    #expect(cache.length == reference.ids.count)
    #expect(largestDifference(allValues(logits), reference.logits) < referenceTolerance)
  }

  @Test(arguments: FixtureModel.all, ExecutionProvider.allCases.filter(\.isSupported))
  func everyProviderAgrees(_ fixture: FixtureModel, _ provider: ExecutionProvider) throws {
    let model = try fixture.model()
    let reference = try fixture.reference()
    let logits = try model.forward(
      tokens: reference.ids, cache: model.makeCache(), context: makeContext(provider: provider),
      logits: .all)
    #expect(largestDifference(allValues(logits), reference.logits) < referenceTolerance)
  }

  @Test(arguments: FixtureModel.all) func baselineIsNearFloat32(_ fixture: FixtureModel) throws {
    let model = try fixture.model(.bf16)
    let reference = try fixture.reference()
    let logits = try model.forward(
      tokens: reference.ids, cache: model.makeCache(), context: makeContext(), logits: .all)
    let difference = largestDifference(allValues(logits), reference.logits)
    // A rounded score may send a token to another expert, which changes all that follows.
    if model.blocks.allSatisfy({ $0.plan.feedForward.experts == nil }) {
      #expect(difference < bf16Tolerance)
    } else {
      let differences = zip(allValues(logits), reference.logits).map { ($0 - $1).magnitude }
      #expect(differences.sorted()[differences.count / 2] < bf16Tolerance / 5)
    }
    // And yet it does round.
    #expect(difference > referenceTolerance)
  }

  private static let trained = ["demo-model", "models/stories279K"].filter {
    SharedMaterial.has("data/" + $0)
  }

  @Test(
    .enabled(if: !trained.isEmpty, "\(SharedMaterial.without("data/demo-model"))"),
    arguments: trained)
  func trainedModelRunsThroughAnyChunks(_ name: String) throws {
    let directory = try #require(SharedMaterial.path("data/" + name))
    let model = try Model.load(directory: directory, precision: .f32)
    let count = Int32(min(200, model.configuration.context))
    let ids = (0..<count).map { $0 * 37 % Int32(model.configuration.vocabularySize) }
    let context = try makeContext()
    let whole = try model.forward(
      tokens: ids, cache: model.makeCache(), context: context, logits: .all)
    let parts = try model.forward(
      tokens: ids, cache: model.makeCache(), context: context, logits: .all,
      options: ForwardOptions(chunk: 33))
    #expect(largestDifference(allValues(whole), allValues(parts)) < orderTolerance)
  }

  @Test(arguments: FixtureModel.all, [1, 7, 64, 65, 100])
  func chunksDoNotMatter(_ fixture: FixtureModel, _ chunk: Int) throws {
    let model = try fixture.model()
    let reference = try fixture.reference()
    let logits = try model.forward(
      tokens: reference.ids, cache: model.makeCache(), context: makeContext(), logits: .all,
      options: ForwardOptions(chunk: chunk))
    #expect(largestDifference(allValues(logits), reference.logits) < referenceTolerance)
  }

  @Test(arguments: FixtureModel.all) func decodingEqualsPrefill(_ fixture: FixtureModel) throws {
    let model = try fixture.model()
    let reference = try fixture.reference()
    let context = try makeContext()
    let cache = try model.makeCache()
    // The keys of a sequence that outgrows the trained context of longrope were turned by other angles.
    let first = fixture.name == "phi3" ? 80 : 60
    try model.forward(tokens: Array(reference.ids[..<first]), cache: cache, context: context)
    let logits = Logits()
    var worst: Float = 0
    for index in first..<reference.ids.count {
      try model.forward(
        tokens: [reference.ids[index]], cache: cache, context: context, into: logits)
      worst = max(worst, largestDifference(logits.values(row: 0), reference.row(index)))
    }
    #expect(worst < referenceTolerance)
  }

  @Test(arguments: FixtureModel.all) func batchedDecodeEqualsSingle(_ fixture: FixtureModel) throws
  {
    let model = try fixture.model()
    let ids = try fixture.reference().ids
    let context = try makeContext()
    // Sequences of different lengths, on both sides of a block of the cache.
    let lengths = [5, 63, 64, 100]
    func prefilled() throws -> [BlockKVCache] {
      try lengths.map { length in
        let cache = try model.makeCache()
        try model.forward(tokens: Array(ids[..<length]), cache: cache, context: context)
        return cache
      }
    }
    let together = try prefilled()
    let alone = try prefilled()
    for step in 0..<3 {
      let tokens = lengths.indices.map { ids[100 + step * 10 + $0] }
      let batch = try model.decode(tokens: tokens, caches: together, context: context)
      for (index, cache) in alone.enumerated() {
        let single = try model.forward(tokens: [tokens[index]], cache: cache, context: context)
        #expect(
          largestDifference(batch.values(row: index), single.values(row: 0)) < orderTolerance)
      }
    }
    #expect(together.map(\.length) == lengths.map { $0 + 3 })
  }

  /// Each sequence is attended to by one worker in its own order, so that neighbours and threads change no bit.
  @Test(arguments: FixtureModel.all, [KVFormatPair.fp16, KVFormatPair.fp32])
  func neighboursDoNotChangeADecodedSequence(
    _ fixture: FixtureModel, _ format: KVFormatPair
  ) throws {
    let model = try fixture.model(.bf16)
    let ids = try fixture.reference().ids
    func decoded(_ lengths: [Int], threads: Int) throws -> [[Float]] {
      let context = try makeContext(threads: threads)
      let caches = try lengths.map { length in
        let cache = try model.makeCache(format)
        try model.forward(tokens: Array(ids[..<length]), cache: cache, context: context)
        return cache
      }
      let tokens = lengths.map { ids[$0] }
      let logits = try model.decode(tokens: tokens, caches: caches, context: context)
      return lengths.indices.map { logits.values(row: $0) }
    }
    let all = try decoded([5, 63, 64, 100], threads: 3)
    #expect(try decoded([100, 64, 63, 5], threads: 1) == all.reversed())
    #expect(try decoded([63, 100], threads: 2) == [all[1], all[3]])
  }

  @Test func onlyWantedRowsAreScored() throws {
    let fixture = FixtureModel(name: "qwen3")
    let model = try fixture.model()
    let reference = try fixture.reference()
    let context = try makeContext()
    func run(_ rows: LogitRows) throws -> Logits {
      try model.forward(
        tokens: reference.ids, cache: model.makeCache(), context: context, logits: rows,
        options: ForwardOptions(chunk: 64))
    }
    let last = try run(.last)
    #expect(last.rows == 1)
    #expect(largestDifference(last.values(row: 0), reference.row(199)) < referenceTolerance)
    let tail = try run(.from(120))
    #expect(tail.rows == 80)
    #expect(largestDifference(tail.values(row: 0), reference.row(120)) < referenceTolerance)
    #expect(largestDifference(tail.values(row: 79), reference.row(199)) < referenceTolerance)
    #expect(try run(.from(500)).rows == 0)
  }

  @Test func threadsDoNotMatter() throws {
    let fixture = FixtureModel(name: "llama3-scaling")
    let model = try fixture.model(.bf16)
    let ids = try fixture.reference().ids
    let one = try model.forward(
      tokens: ids, cache: model.makeCache(), context: makeContext(threads: 1), logits: .all)
    for threads in [2, 3] {
      let many = try model.forward(
        tokens: ids, cache: model.makeCache(), context: makeContext(threads: threads),
        logits: .all)
      #expect(allValues(one) == allValues(many))
    }
  }

  @Test func refusesWhatCannotBeRun() throws {
    let model = try FixtureModel(name: "qwen2").model()
    let other = try FixtureModel(name: "qwen3").model()
    let context = try makeContext()
    let cache = try model.makeCache(capacity: 10)
    #expect(throws: ModelError.noTokens) {
      try model.forward(tokens: [], cache: cache, context: context)
    }
    #expect(throws: ModelError.unknownToken(64, position: 1, vocabulary: 64)) {
      try model.forward(tokens: [3, 64], cache: cache, context: context)
    }
    #expect(throws: ModelError.unknownToken(-1, position: 0, vocabulary: 64)) {
      try model.forward(tokens: [-1], cache: cache, context: context)
    }
    #expect(throws: ModelError.contextExceeded(tokens: 11, capacity: 10)) {
      try model.forward(
        tokens: [Int32](repeating: 1, count: 11), cache: cache, context: context)
    }
    #expect(throws: ModelError.self) {
      try other.forward(tokens: [1], cache: cache, context: context)
    }
    #expect(throws: ModelError.self) {
      try model.decode(tokens: [1, 2], caches: [cache, cache], context: context)
    }
    #expect(cache.length == 0)
  }

  @Test func cancellingLeavesTheCacheAsItWas() throws {
    let model = try FixtureModel(name: "qwen2").model()
    let context = try makeContext()
    let cache = try model.makeCache()
    try model.forward(tokens: [1, 2, 3], cache: cache, context: context)
    let expected = try model.forward(tokens: [4], cache: cache.fork(), context: context)
    var blocks = 0
    #expect(throws: CancellationError.self) {
      try model.forward(
        tokens: [4], cache: cache, context: context,
        options: ForwardOptions(isCancelled: {
          blocks += 1
          return blocks == 2
        }))
    }
    #expect(cache.length == 3)
    let again = try model.forward(tokens: [4], cache: cache, context: context)
    #expect(allValues(again) == allValues(expected))
  }

  @Test func traceIsFiledByBlock() throws {
    let model = try FixtureModel(name: "qwen3").model(.bf16)
    let context = try makeContext()
    let trace = KernelTrace()
    context.trace = trace
    try model.forward(tokens: [1, 2, 3], cache: model.makeCache(), context: context)
    #expect(Set(trace.blocks.keys) == [-1, 0, 1])
    let linears = trace.kernels.filter { $0.operator.hasPrefix("linear") }
    // Seven in each of two blocks, and the head.
    #expect(linears.reduce(0) { $0 + $1.calls } == 15)
    #expect(linears.allSatisfy { $0.native })
  }
}
