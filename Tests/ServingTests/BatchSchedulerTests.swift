import Serving
import Testing

/// Who is computed when: blocks, prompts in parts, common prefixes, sequences that are given up.
@Suite struct BatchSchedulerTests {
  private static func request(
    _ prompt: Int, _ generated: Int, prefix: Int? = nil
  ) -> ServedRequest {
    ServedRequest(arrival: 0, prompt: prompt, generated: generated, prefix: prefix)
  }

  /// Runs until nothing is left and yields the steps.
  private static func drain(_ scheduler: inout BatchScheduler, most: Int = 100_000) -> [ServingStep]
  {
    var steps: [ServingStep] = []
    while steps.count < most, let step = scheduler.next() {
      steps.append(step)
      scheduler.complete()
    }
    return steps
  }

  @Test func aRequestAloneIsAPromptInPartsAndThenATokenAStep() {
    var scheduler = BatchScheduler(
      ServingLimits(blocks: 100, blockTokens: 4, seats: 2, chunk: 4))
    scheduler.offer(Self.request(10, 3))
    let steps = Self.drain(&scheduler)
    // 10 tokens in parts of 4, 4 and 2; the last yields the first token, two steps the others.
    #expect(steps.map(\.chunkTokens) == [4, 4, 2, 0, 0])
    #expect(steps.map(\.chunkReads) == [10, 26, 19, 0, 0])
    #expect(steps.map(\.decodes) == [0, 0, 0, 1, 1])
    #expect(steps.map(\.decodeReads) == [0, 0, 0, 11, 12])
    #expect(scheduler.free == 100)
    #expect(scheduler.running == 0)
  }

  @Test func blocksAreThoseOfEachLength() {
    var scheduler = BatchScheduler(
      ServingLimits(blocks: 100, blockTokens: 4, seatBlocks: 2, seats: 8, chunk: 64))
    for prompt in [3, 4, 5] { scheduler.offer(Self.request(prompt, 6)) }
    var lengths = [3, 4, 5]
    while scheduler.next() != nil {
      scheduler.complete()
      guard scheduler.running == 3 else { continue }
      #expect(scheduler.usedBlocks == lengths.reduce(6) { $0 + ($1 + 3) / 4 })
      lengths = lengths.map { $0 + 1 }
    }
    #expect(lengths == [8, 9, 10])
    #expect(scheduler.free == 100)
  }

  @Test func aFullCacheGivesUpWhoCameLastAndComputesItAgain() {
    // Two of 8 tokens fill 4 blocks of 4; the first then needs a fifth.
    var scheduler = BatchScheduler(
      ServingLimits(blocks: 4, blockTokens: 4, seats: 4, chunk: 64))
    scheduler.offer(Self.request(8, 4))
    scheduler.offer(Self.request(8, 4))
    var finished: [Int] = []
    var preempted = 0
    var chunks: [Int] = []
    while let step = scheduler.next() {
      chunks.append(step.chunkTokens)
      preempted += scheduler.events.preempted.count
      scheduler.complete()
      finished += scheduler.events.finished.map(\.request)
    }
    #expect(preempted == 1)
    #expect(scheduler.preemptions == 1)
    #expect(finished == [0, 1])
    // Both prompts, the first alone for three steps, then the second with the token it had.
    #expect(chunks == [16, 0, 0, 0, 9, 0, 0])
    #expect(scheduler.free == 4)
  }

  @Test func whatFitsNoCacheIsRefusedAndHoldsNobodyUp() {
    var scheduler = BatchScheduler(
      ServingLimits(blocks: 4, blockTokens: 4, seats: 4, chunk: 64))
    scheduler.offer(Self.request(15, 3))
    scheduler.offer(Self.request(15, 2))
    let steps = Self.drain(&scheduler)
    // The longest that fits holds 16 tokens: its last is never put into the cache.
    #expect(scheduler.refused == 1)
    #expect(steps.count == 2)
    #expect(scheduler.waiting == 0)
  }

  @Test func aCommonPrefixIsComputedOnceAndHeldOnce() {
    var tree = PrefixTree()
    let common = tree.add(parent: nil, tokens: 8)
    let limits = ServingLimits(blocks: 100, blockTokens: 4, seats: 4, chunk: 64)
    var scheduler = BatchScheduler(limits, prefixes: tree)
    scheduler.offer(Self.request(10, 20, prefix: common))
    _ = scheduler.next()
    scheduler.complete()
    #expect(scheduler.events.entered.map(\.tokens) == [8])
    #expect(scheduler.usedBlocks == 3)
    scheduler.offer(Self.request(12, 20, prefix: common))
    let step = scheduler.next()
    #expect(step?.chunkTokens == 4)
    #expect(scheduler.events.admitted.map(\.cached) == [8])
    // 2 common blocks, 1 of the first, 1 of the second.
    #expect(scheduler.usedBlocks == 4)
    scheduler.complete()
    _ = Self.drain(&scheduler)
    #expect(scheduler.cachedTokens == 8)
    // The prefix stays for the next, and counts as nobody's.
    #expect(scheduler.usedBlocks == 0)
    #expect(scheduler.idlePrefixBlocks == 2)

    var plain = BatchScheduler(
      ServingLimits(blocks: 100, blockTokens: 4, seats: 4, chunk: 64, sharesPrefixes: false),
      prefixes: tree)
    plain.offer(Self.request(10, 2, prefix: common))
    _ = Self.drain(&plain)
    #expect(plain.idlePrefixBlocks == 0)
    #expect(plain.free == 100)
  }

  @Test func aPromptThatIsAllPrefixStillComputesItsLastTokens() {
    var tree = PrefixTree()
    let first = tree.add(parent: nil, tokens: 4)
    let second = tree.add(parent: first, tokens: 8)
    var scheduler = BatchScheduler(
      ServingLimits(blocks: 100, blockTokens: 4, seats: 1, chunk: 64), prefixes: tree)
    scheduler.offer(Self.request(8, 1, prefix: second))
    scheduler.offer(Self.request(8, 1, prefix: second))
    let steps = Self.drain(&scheduler)
    #expect(steps.map(\.chunkTokens) == [8, 4])
    #expect(scheduler.free == 98)
  }

  @Test func idlePrefixesGoFirstAndTheOldestOfThem() {
    var tree = PrefixTree()
    let a = tree.add(parent: nil, tokens: 4)
    let b = tree.add(parent: nil, tokens: 4)
    var scheduler = BatchScheduler(
      ServingLimits(blocks: 3, blockTokens: 4, seats: 1, chunk: 64), prefixes: tree)
    scheduler.offer(Self.request(5, 1, prefix: a))
    scheduler.offer(Self.request(5, 1, prefix: b))
    scheduler.offer(Self.request(8, 1))
    var evicted: [Int] = []
    while scheduler.next() != nil {
      evicted += scheduler.events.evicted
      scheduler.complete()
    }
    #expect(evicted == [a])
    #expect(scheduler.preemptions == 0)
    #expect(scheduler.idlePrefixBlocks == 1)
  }

  /// Many requests of all kinds through little memory: everybody is served once, and nothing is lost.
  @Test(arguments: 0..<6) func nothingIsLost(_ seed: Int) throws {
    let trace = try DrawnTrace(
      rate: 100, requests: 400, burst: 4, prompt: 40, generated: 30, spread: 1, prefixes: 5,
      prefixTokens: 20, prefixShare: 0.6, context: 300, seed: UInt64(seed)
    ).trace()
    let limits = ServingLimits(
      blocks: 25 + 15 * seed, blockTokens: 16, seatBlocks: seed % 3, seats: 3 + 5 * seed, chunk: 48)
    var scheduler = BatchScheduler(limits, prefixes: trace.prefixes)
    for request in trace.requests { scheduler.offer(request) }
    var finished: Set<Int> = []
    var tokens = [Int](repeating: 0, count: trace.requests.count)
    var requestOf = [Int](repeating: -1, count: limits.seats)
    while let step = scheduler.next() {
      for (seat, request, _, _) in scheduler.events.admitted { requestOf[seat] = request }
      let seats = scheduler.decodingSeats
      #expect(seats.count == step.decodes)
      #expect(scheduler.events.chunks.reduce(0) { $0 + $1.count } == step.chunkTokens)
      for seat in seats { tokens[requestOf[seat]] += 1 }
      for chunk in scheduler.events.chunks where chunk.isLast { tokens[requestOf[chunk.seat]] += 1 }
      #expect(scheduler.usedBlocks <= limits.blocks)
      #expect(scheduler.free >= 0)
      #expect(scheduler.running <= limits.seats)
      scheduler.complete()
      for (_, request) in scheduler.events.finished {
        #expect(finished.insert(request).inserted)
      }
    }
    #expect(finished.count + scheduler.refused == trace.requests.count)
    for index in finished { #expect(tokens[index] == trace.requests[index].generated) }
    #expect(scheduler.usedBlocks == 0)
    #expect(scheduler.free + scheduler.idlePrefixBlocks == limits.blocks)
    if seed == 0 { #expect(scheduler.preemptions > 0) }
  }
}
