import Models
import Operators
import Tensors
import Testing

@testable import Evaluation

/// What stands before the scored tokens, read in full precision and quantized after it.
struct CachePrefixTests {
  private func scores(_ schedule: CacheSchedule, _ cache: KVFormatPair) throws -> ScoreStatistics {
    let model = try CacheMeasureTests.model("qwen3")
    var measure = DepthMeasure(
      subjects: [EvaluationSubject(name: "\(cache)", model: model, cache: cache)],
      reference: EvaluationSubject(name: "FP16", model: model, cache: .fp16),
      context: try CacheMeasureTests.context())
    measure.schedule = schedule
    return try measure.run(try CacheMeasureTests.text(70, 1)).subjects[0].toReference.all
  }

  /// What a prefix leaves is what a full-precision prefill leaves when it is quantized, and other than what passes leave.
  @Test func fullPrecisionComesBeforeTheCache() throws {
    let cache = CacheMeasureTests.pair(CacheMeasureTests.int4)
    let model = try CacheMeasureTests.model("qwen3")
    let context = try CacheMeasureTests.context()
    let side = EvaluationSubject(name: "INT4", model: model, cache: cache)
    let tokens = CacheMeasureTests.ids(71)
    let prefix = Array(tokens.prefix(70))
    func next(_ fill: (any KVCache) throws -> Void) throws -> [Float] {
      let filled = try model.makeCache(cache, capacity: 71)
      try fill(filled)
      return try model.forward(tokens: [tokens[70]], cache: filled, context: context).values(row: 0)
    }
    let expected = try next {
      try model.fill(
        $0, with: prefix, through: model.makeCache(.fp16, capacity: 71), context: context)
    }
    let found = try CacheSchedule.allCases.map { schedule in
      try next {
        try CachePrefix(side, by: schedule, capacity: 70, context: context).fill($0, with: prefix)
      }
    }
    let full = try #require(CacheSchedule.allCases.firstIndex(of: .full))
    #expect(found[full] == expected && found[1 - full] != expected)
    let kl = try [CacheSchedule.full, .passes].map { try scores($0, cache).divergence.mean }
    #expect(kl[0] > 0 && kl[0] != kl[1])
  }

  /// A cache that is not quantized is read alike by both.
  @Test func aFloatingPointCacheKnowsNoSchedule() throws {
    let both = try [CacheSchedule.full, .passes].map { try scores($0, .fp16) }
    #expect(both.allSatisfy { $0.divergence.max == 0 })
    #expect(both[0].perplexity == both[1].perplexity)
  }

  /// A prompt that goes in in full precision is continued as well, its last token through the cache.
  @Test func aPromptCanGoInInFullPrecision() throws {
    let model = try CacheMeasureTests.model("qwen3")
    let side = EvaluationSubject(
      name: "INT8", model: model, cache: CacheMeasureTests.pair(CacheMeasureTests.int8))
    let run = { (schedule: CacheSchedule) in
      try GreedyContinuation(side, context: try CacheMeasureTests.context()).run(
        prompts: [CacheMeasureTests.ids(40), CacheMeasureTests.ids(1)], tokens: 5, stops: [],
        by: schedule)
    }
    let full = try run(.full)
    #expect(full.map(\.count) == [5, 5])
    #expect(full[1] == (try run(.passes))[1], "one token has nothing before it")
  }
}
