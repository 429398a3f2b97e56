import Models
import Testing

@Suite struct GeneratorTests {
  private let fixture = FixtureModel(name: "qwen2")

  @Test func greedyFollowsTheLikeliestToken() throws {
    let model = try fixture.model()
    let context = try makeContext()
    let generator = try Generator(
      model, cache: model.makeCache(), context: context, stopTokens: [])
    var streamed: [Int32] = []
    let continuation = try generator.generate(prompt: [5, 6, 7], maximum: 70) {
      streamed.append($0)
      return true
    }
    #expect(continuation.ending == .length)
    #expect(continuation.tokens.count == 70)
    #expect(streamed == continuation.tokens)
    // The same from one pass over everything.
    let logits = try model.forward(
      tokens: [5, 6, 7] + continuation.tokens, cache: model.makeCache(), context: context,
      logits: .all)
    let expected = (2..<72).map { Sampler.likeliest(logits[$0]) }
    #expect(expected == continuation.tokens)
  }

  @Test func stopsWhereItShould() throws {
    let model = try fixture.model()
    let context = try makeContext()
    func generate(
      capacity: Int? = nil, stop: Set<Int32> = [], maximum: Int = 20,
      receive: (Int32) -> Bool = { _ in true }
    ) throws -> Generator.Continuation {
      try Generator(
        model, cache: model.makeCache(capacity: capacity), context: context, stopTokens: stop
      ).generate(prompt: [5, 6, 7], maximum: maximum, receive: receive)
    }
    let free = try generate()
    let stop = try #require(free.tokens.dropFirst(2).first { !free.tokens.prefix(2).contains($0) })
    let cut = try #require(free.tokens.firstIndex(of: stop))
    let stopped = try generate(stop: [stop])
    #expect(stopped.ending == .stopToken)
    #expect(stopped.tokens == Array(free.tokens[..<cut]))
    // A cache of 8 takes the prompt and five tokens; a sixth is scored after them.
    let full = try generate(capacity: 8)
    #expect(full.ending == .context)
    #expect(full.tokens == Array(free.tokens[..<6]))
    let refused = try generate { _ in false }
    #expect(refused.ending == .receiver)
    #expect(refused.tokens.count == 1)
    #expect(try generate(maximum: 0).tokens.isEmpty)
  }

  @Test func continuesAfterMoreIsRead() throws {
    let model = try fixture.model()
    let context = try makeContext()
    let generator = try Generator(model, cache: model.makeCache(), context: context)
    #expect(throws: ModelError.noTokens) { try generator.next() }
    try generator.read([5, 6])
    let token = try #require(try generator.next())
    try generator.read([9])
    let other = try Generator(model, cache: model.makeCache(), context: context)
    try other.read([5, 6, token, 9])
    let difference = largestDifference(generator.logits.values(row: 0), other.logits.values(row: 0))
    #expect(difference < 2e-4)
    #expect(generator.cache.length == 4)
  }

  @Test func seedsGiveTheSameText() throws {
    let model = try fixture.model()
    let context = try makeContext()
    func text(seed: UInt64) throws -> [Int32] {
      try Generator(
        model, cache: model.makeCache(), context: context,
        sampling: SamplingOptions(temperature: 1, topK: 40, seed: seed), stopTokens: []
      ).generate(prompt: [1], maximum: 30).tokens
    }
    #expect(try text(seed: 1) == text(seed: 1))
    #expect(try text(seed: 1) != text(seed: 2))
  }
}
