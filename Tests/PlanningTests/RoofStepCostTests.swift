import Models
import Operators
import Planning
import Serving
import Testing

/// Steps and caches of a Llama-3-8B shape on one H100, held against sums done by hand.
@Suite struct RoofStepCostTests {
  static let llama = ModelShape(
    architecture: "llama", blocks: 32, hiddenSize: 4096, intermediateSize: 14_336, heads: 32,
    kvHeads: 8, headDimension: 128, vocabularySize: 128_256, context: 8192, tiedEmbeddings: false)
  static let machine = MachinePeaks(
    name: "H100 SXM", memoryBytes: 80e9, readBandwidth: 3.35e12, fp32Rate: 67e12, bf16Rate: 989e12,
    int8Rate: 1979e12, threads: 0, isMeasured: false)
  /// 32 blocks of 2 x 4096^2 + 2 x 1024 x 4096 + 3 x 14336 x 4096 parameters, 2 bytes each.
  static let linearBytes = 13_958_643_712.0
  static let plain = ServedForm(name: "FP", linearBytes: linearBytes, rate: 989e12)

  private static func cost(
    _ form: ServedForm = plain, _ split: TensorSplit = .none
  ) -> RoofStepCost {
    RoofStepCost(model: llama, peaks: machine, form: form, split: split)
  }

  private static func close(_ value: Double, _ expected: Double) -> Bool {
    abs(value / expected - 1) < 1e-9
  }

  @Test func aDecodeStepReadsWeightsAndCaches() {
    #expect(Double(Self.llama.blockLinearParameters) * 2 == Self.linearBytes)
    // 64 sequences after 999 tokens: each reads 1000 tokens of 32 layers, 2 x 8 x 128 values of 2 bytes.
    let parts = Self.cost().parts(ServingStep(decodes: 64, decodeReads: 64_000))
    #expect(Self.close(parts.linear, 13_958_643_712 / 3.35e12))
    let head: Double = 128_256 * 4096 * 2
    let cache: Double = 64_000 * 32 * 4096
    #expect(Self.close(parts.head, head / 3.35e12))
    #expect(Self.close(parts.attention, cache / 3.35e12))
    #expect(parts.exchange == 0)
    // 4.17 + 0.31 + 2.50 ms.
    #expect(abs(parts.seconds - 0.006984) < 1e-6)
  }

  @Test func layersOfALongPromptAreBoundByArithmetic() {
    var step = ServingStep()
    step.addChunk(start: 0, count: 2048)
    let parts = Self.cost().parts(step)
    let linear: Double = 2 * 6_979_321_856 * 2048
    #expect(Self.close(parts.linear, linear / 989e12))
    // One row goes through the head.
    let head: Double = 128_256 * 4096 * 2
    #expect(Self.close(parts.head, head / 3.35e12))
    // 2048 x 2049 / 2 tokens read in each of 32 layers, once for 64 of the prompt: more than their arithmetic takes.
    let bytes: Double = 2_098_176 / 64 * 32 * 4096
    #expect(Self.close(parts.attention, bytes / 3.35e12))
  }

  @Test func formsChangeBytesAndRates() {
    var eight = Self.plain
    (eight.linearBytes, eight.rate) = (Self.linearBytes / 2, 1979e12)
    eight.cacheBits = 8
    let step = ServingStep(decodes: 64, decodeReads: 64_000)
    let cache: Double = 64_000 * 32 * 2048
    #expect(Self.close(Self.cost(eight).parts(step).linear, 6_979_321_856 / 3.35e12))
    #expect(Self.close(Self.cost(eight).parts(step).attention, cache / 3.35e12))
    var prompt = ServingStep()
    prompt.addChunk(start: 0, count: 2048)
    let operations: Double = 2 * 6_979_321_856 * 2048
    #expect(Self.close(Self.cost(eight).parts(prompt).linear, operations / 1979e12))
  }

  @Test func aSplitDividesTheWorkAndExchangesIt() {
    let split = TensorSplit(ways: 4, link: 450e9, latency: 5e-6)
    let step = ServingStep(decodes: 64, decodeReads: 64_000)
    let (one, four) = (Self.cost().parts(step), Self.cost(Self.plain, split).parts(step))
    #expect(Self.close(four.linear, one.linear / 4))
    #expect(Self.close(four.attention, one.attention / 4))
    // Two exchanges a layer of 64 x 4096 values of 2 bytes, 2 x 3/4 of them over the link.
    let bytes: Double = 1.5 * 64 * 4096 * 2
    let seconds: Double = 5e-6 + bytes / 450e9
    #expect(Self.close(four.exchange, 64 * seconds))
  }

  @Test func aMixtureReadsTheExpertsItReaches() {
    var mixture = Self.llama
    mixture.activeParameters = Self.llama.blockLinearParameters / 4
    let cost = RoofStepCost(model: mixture, peaks: Self.machine, form: Self.plain)
    func share(_ tokens: Int) -> Double {
      let seconds = cost.parts(ServingStep(decodes: tokens, decodeReads: 0)).linear
      return seconds * 3.35e12 / Self.linearBytes
    }
    #expect(abs(share(1) - 0.25) < 1e-9)
    #expect(abs(share(2) - 0.4375) < 1e-9)
    #expect(share(64) > 0.999)
  }

  /// 80 GB less 16.06 GB of weights and 0.27 GB of activations, in blocks of 64 x 131 072 bytes.
  @Test func cacheIsWhatWeightsLeave() {
    let capacity = ServingCapacity(
      model: Self.llama, form: Self.plain, budget: 80e9, activationBytes: 269_746_176)
    #expect(capacity.weightBytes == 16_060_522_496)
    #expect(capacity.blockBytes == 8_388_608)
    #expect(capacity.blocks == 7590)
    #expect(capacity.sequences(of: 1024, seatBlocks: 0) == 474)
    var narrow = Self.plain
    narrow.cacheBits = 4.5
    let more = ServingCapacity(
      model: Self.llama, form: narrow, budget: 80e9, activationBytes: 269_746_176)
    #expect(more.blocks == 26_986)
    #expect(more.sequences(of: 1024, seatBlocks: 0) == 1686)
    let none = ServingCapacity(
      model: Self.llama, form: Self.plain, budget: 16e9, activationBytes: 0)
    #expect(none.blocks == 0)
  }

  /// Requests that all come at once fill the cache but for the hundredth part that is kept free.
  @Test(arguments: [(16.0, 469), (8.5, 884), (4.5, 1669)])
  func usersAtOnceAreWhatTheCacheHolds(_ bits: Double, _ users: Int) {
    var form = Self.plain
    form.cacheBits = bits
    let capacity = ServingCapacity(
      model: Self.llama, form: form, budget: 80e9, activationBytes: 269_746_176)
    let trace = RequestTrace(
      name: "at once",
      requests: (0..<4000).map { _ in ServedRequest(arrival: 0, prompt: 990, generated: 20) })
    let cost = Self.cost(form)
    let report = ServingSimulator(
      ServingLimits(blocks: capacity.blocks, seats: 4000, chunk: 1 << 20), cost: cost.seconds
    ).run(trace)
    #expect(report.running.largest == Double(users))
    #expect(report.preemptions == 0)
    #expect(report.finished == 4000)
  }
}
