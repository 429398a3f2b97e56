import Models
import Operators
import Planning
import Tensors
import Testing

@Suite struct PlannerTests {
  static let llama2 = ModelShape(
    architecture: "llama", blocks: 32, hiddenSize: 4096, intermediateSize: 11008, heads: 32,
    kvHeads: 32, headDimension: 128, vocabularySize: 32000, context: 4096, tiedEmbeddings: false)
  static let llama3 = ModelShape(
    architecture: "llama", blocks: 32, hiddenSize: 4096, intermediateSize: 14336, heads: 32,
    kvHeads: 8, headDimension: 128, vocabularySize: 128256, context: 8192, tiedEmbeddings: false)
  static let gpu = MachinePeaks(
    name: "test", memoryBytes: 80e9, readBandwidth: 2e12, fp32Rate: 20e12, bf16Rate: 300e12,
    int8Rate: 600e12, threads: 0, isMeasured: false)

  private func plan(_ workload: Workload, _ shape: ModelShape = llama3) -> PlanReport {
    Planner(
      model: shape, workload: workload, peaks: Self.gpu,
      methods: [.weights: ["rtn"], .activations: ["int8"], .kvCache: ["int8", "int4"]]
    ).plan()
  }

  /// The models' own published sizes.
  @Test func parametersOfKnownModels() {
    #expect(Self.llama2.parameters == 6_738_415_616)
    #expect(Self.llama3.parameters == 8_030_261_248)
  }

  /// By hand: 2 x 32 x 32 x 128 x 2 and 2 x 32 x 8 x 128 x 2.
  @Test func cacheBytesPerToken() {
    #expect(Self.llama2.kvBytesPerToken(.fp16) == 524_288)
    #expect(Self.llama3.kvBytesPerToken(.fp16) == 131_072)
    let int8 = KVFormat.integer(bits: 8, group: 32)
    #expect(
      Self.llama3.kvBytesPerToken(KVFormatPair(keys: int8, values: int8)) == 131_072 / 32 * 17)
  }

  @Test func sharedPrefixCountsOnce() {
    let planner = Planner(
      model: Self.llama3, workload: Workload(context: 1000, requests: 4, sharedPrefix: 0.5),
      peaks: Self.gpu, methods: [:])
    #expect(planner.cachedTokens(context: 1000, requests: 4) == 500 + 4 * 500)
  }

  @Test func slidingWindowBoundsTheCache() {
    var shape = Self.llama3
    shape.slidingWindow = 4096
    let planner = Planner(
      model: shape, workload: Workload(context: 32768, requests: 2), peaks: Self.gpu, methods: [:])
    #expect(planner.cachedTokens(context: 32768, requests: 2) == 8192)
  }

  @Test func advisesWeightsForOneShortRequest() {
    let report = plan(Workload(context: 2048, promptTokens: 128, generatedTokens: 512))
    #expect(report.advice.first?.target == .weights)
    #expect(report.decode.bound == .bandwidth)
  }

  /// One field of the workload moves the advice, for each pair of targets.
  @Test func oneFieldFlipsTheAdvice() {
    var workload = Workload(context: 2048, promptTokens: 128, generatedTokens: 512)
    #expect(plan(workload).advice.first?.target == .weights)
    workload.context = 1_000_000
    #expect(plan(workload).advice.first?.target == .kvCache)

    workload = Workload(context: 2048, promptTokens: 128, generatedTokens: 512)
    workload.promptTokens = 2_000_000
    #expect(plan(workload).advice.first?.target == .activations)

    workload = Workload(context: 65536, promptTokens: 60000, generatedTokens: 1, batch: 16)
    #expect(plan(workload).advice.first?.target == .activations)
    workload.generatedTokens = 50_000
    #expect(plan(workload).advice.first?.target == .kvCache)
  }

  @Test func overBudgetTheTargetThatFitsComesFirst() {
    // 16.1 GB of weights and 68.7 GB of cache in 40 GB: only the cache can bring it under.
    let report = plan(
      Workload(context: 32768, requests: 16, memoryBudget: 40e9))
    #expect(report.memory.total > report.memory.budget)
    #expect(report.advice.first?.target == .kvCache)
    #expect(report.advice.first?.reason.contains("this alone brings it under") == true)
  }

  @Test func fitsNarrowsWithRequests() {
    let report = plan(Workload(context: 32768, requests: 16, memoryBudget: 40e9))
    for row in report.fits {
      let widths = row.map { $0.widestKVBits ?? 0 }
      #expect(widths == widths.sorted(by: >), "a longer context never fits wider: \(widths)")
    }
    let here = report.fits.flatMap { $0 }.first { $0.context == 32768 && $0.requests == 16 }
    #expect(here?.widestKVBits == 4)
  }

  @Test func everyNumberIsFiniteForTinyAndHugeWorkloads() {
    for workload in [
      Workload(context: 1, promptTokens: 1, generatedTokens: 1),
      Workload(
        context: 100_000_000, requests: 1_000_000, promptTokens: 100_000_000,
        generatedTokens: 100_000_000, batch: 1_000_000),
    ] {
      let report = plan(workload)
      #expect(report.memory.total.isFinite)
      #expect(report.advice.count == 3)
    }
  }
}
