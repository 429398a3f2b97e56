import Engine
import Models
import Operators
import Planning
import Platform
import Tensors
import Testing
import Wording

/// Methods stand where what they say of themselves puts them; a plan knows none by name.
@Suite struct MethodRankingTests {
  /// Bits of a weight of the Llama with a scale of 16 bits for each of the 43 008 rows of a block.
  private static let eightBits = 8 + 16 * 43_008.0 / 218_103_808

  private func ranking(
    _ workload: Workload, _ target: QuantizationTarget, _ peaks: MachinePeaks = PlannerTests.gpu,
    _ methods: PlannedMethods = .all
  ) throws -> [PlanReport.RankedMethod] {
    let report = Planner(
      model: PlannerTests.llama3, workload: workload, peaks: peaks, methods: methods
    ).plan()
    return try #require(report.advice.first { $0.target == target }).ranking
  }

  /// A file whose weights are small already: what would make them larger comes last and says so.
  @Test func whatIsStoredSmallIsNotMadeLarger() throws {
    func weights(_ bits: Double) throws -> PlanReport.Advice {
      var model = PlannerTests.llama3
      model.storedBits = bits
      let report = Planner(
        model: model, workload: Workload(context: 8192), peaks: PlannerTests.gpu, methods: .all
      ).plan()
      return try #require(report.advice.first { $0.target == .weights })
    }
    let small = try weights(4.5)
    #expect(small.ranking.allSatisfy { $0.why.contains("as stored") }, "\(small.ranking)")
    #expect(small.ranking.map(\.name) == ["gptq", "awq", "hqq", "rtn"])
    #expect(small.effect?.freed == 0 && small.reason.hasSuffix("W4 would be no smaller."))
    let large = try weights(8.5)
    #expect(large.ranking.allSatisfy { !$0.why.contains("as stored") })
    #expect((large.effect?.freed ?? 0) > 0)
  }

  @Test func whereBitsFitGPTQLeads() throws {
    let found = try ranking(Workload(context: 8192), .weights)
    #expect(found.map(\.name) == ["gptq", "awq", "hqq", "rtn"])
    // AWQ has a zero point of 8 bits for 128 weights, HQQ a real one of 16 for 64.
    #expect(found.map(\.bits) == [4.125, 4.1875, 4.5, 4.125])
    #expect(found.map(\.group) == [128, 128, 64, 128])
    #expect(
      found.map(\.why) == [
        "pushes each rounding error onto columns not yet rounded, the least error of these at W4",
        "close to GPTQ at W4 and bound less to its calibration text",
        "needs no calibration text and takes seconds, at a larger error",
        "the largest error of these at W4",
      ])
    #expect(
      found.map(\.wouldChange) == [
        "no text like the workload's to calibrate on: HQQ",
        "a calibration text unlike the workload: then it comes before GPTQ",
        "no calibration text: then it comes first",
        "a workload whose time W4 does not save over W8: then rounding is enough",
      ])
  }

  @Test func whereFewBitsFitTheWordsSaySo() throws {
    let found = try ranking(Workload(context: 8192, memoryBudget: 6e9), .weights)
    #expect(found.map(\.name) == ["gptq", "awq", "hqq", "rtn"])
    #expect(found[0].why.hasPrefix("only 3."))
    #expect(found[0].why.hasSuffix(" bits a weight fit, and it holds best below W4"))
    #expect(found[1].wouldChange.hasSuffix(" bits a weight: then it is as good as GPTQ"))
    #expect(found[3].why == "rounding alone loses too much below W4")
    #expect(found[3].wouldChange == "room for W8: then rounding is enough")
  }

  @Test func whereEightBitsDoRoundingLeads() throws {
    let found = try ranking(
      Workload(context: 4096, promptTokens: 2048, generatedTokens: 1), .weights)
    #expect(found.map(\.name) == ["rtn", "gptq", "awq", "hqq"])
    let bytes = Quantity.bytes(PlannerTests.llama3.weightBytes(bitsPerWeight: Self.eightBits))
    #expect(abs((found[0].bits ?? 0) - Self.eightBits) < 1e-9 && found[0].group == -1)
    #expect(
      found[0].why.hasPrefix(
        "at W8 rounding costs next to nothing, the weights take \(bytes), and fewer bits save hardly more "
          + "than its "))
    #expect(found[0].why.hasSuffix(" % of the time"))
    #expect(found[0].wouldChange == "a smaller budget, or a batch below 150: then W4")
  }

  @Test func activationsFollowWhatTheMachineMultiplies() throws {
    let workload = Workload(context: 8192)
    let fast = Quantity.rate(600e12, "OP/s")
    let wide = Quantity.rate(300e12, "OP/s")
    let found = try ranking(workload, .activations)
    #expect(found.map(\.name) == ["smoothquant", "int8", "llm.int8", "fp8"])
    #expect(
      found[0].why
        == "INT8 at \(fast) against \(wide) in BF16, with outlier channels moved into the weights first"
    )
    #expect(
      found[1].why
        == "INT8 at \(fast) against \(wide) in BF16 and no calibration, but outliers cost accuracy")
    #expect(
      found[3].why == "no FP8 arithmetic is known of this machine: it would save memory only")
    #expect(found.allSatisfy { $0.bits == nil && $0.bytes == nil })

    var peaks = PlannerTests.gpu
    peaks.fp8Rate = 600e12
    let eight = try ranking(workload, .activations, peaks)
    #expect(eight.map(\.name) == ["fp8", "smoothquant", "int8", "llm.int8"])
    #expect(
      eight[0].why
        == "multiplies at \(fast), no slower than INT8, and its exponent takes outliers as they are"
    )
    peaks.fp8Rate = 400e12
    #expect(
      try ranking(workload, .activations, peaks).map(\.name)
        == ["smoothquant", "int8", "fp8", "llm.int8"])
    peaks.int8Rate = 300e12
    let alike = try ranking(workload, .activations, peaks)
    #expect(alike.map(\.name) == ["fp8", "smoothquant", "int8", "llm.int8"])
    #expect(
      alike[1].why
        == "INT8 is no faster here (\(wide) against \(wide)), but outlier channels are dealt with")
    // Weights that do not fit in 16 bits, and prompts too short to be bound by arithmetic.
    let tight = Workload(context: 8192, promptTokens: 32, memoryBudget: 12e9)
    #expect(
      try ranking(tight, .activations).map(\.name) == ["smoothquant", "llm.int8", "int8", "fp8"])
  }

  @Test func cachesFollowTheirBits() throws {
    let found = try ranking(Workload(context: 8192), .kvCache)
    #expect(found.map(\.name) == ["int8", "fp8", "kivi", "turboquant", "int4"])
    #expect(found.map(\.bits) == [8.5, 8.25, 5, 4.125, 4.5])
    #expect(found[0].why.hasPrefix("8.5 bits a value make the cache "))
    #expect(found[0].why.hasSuffix(", rounding is hardly seen in the output"))
  }

  /// A method nobody here has heard of stands where it says.
  @Test func aNewMethodIsRankedByWhatItSays() throws {
    var methods = PlannedMethods.all
    methods.weights.append(
      .init(
        name: "new",
        traits: MethodTraits(
          .init(
            when: .fewerThanFourBitsFit, rank: 9, form: .fourBits(),
            why: "made for \(.weightBitsThatFit) bits", wouldChange: "more room"),
          .init(rank: 3.5, form: .eightBits, why: "takes \(.weightBytes)", wouldChange: "less"))))
    let found = try ranking(Workload(context: 8192), .weights, PlannerTests.gpu, methods)
    #expect(found.map(\.name) == ["gptq", "new", "awq", "hqq", "rtn"])
    #expect(
      found[1].why
        == "takes \(Quantity.bytes(PlannerTests.llama3.weightBytes(bitsPerWeight: Self.eightBits)))"
    )
    let tight = try ranking(
      Workload(context: 8192, memoryBudget: 6e9), .weights, PlannerTests.gpu, methods)
    #expect(tight.first?.name == "new")
    methods.caches = [
      .init(
        name: "thin",
        traits: CacheTraits(
          strength: "thin",
          forms: .init(quality: 3, keys: .channelGroups(bits: 2, tokens: 64))))
    ]
    let caches = try ranking(Workload(context: 8192), .kvCache, PlannerTests.gpu, methods)
    #expect(caches.map(\.name) == ["thin"])
  }
}
