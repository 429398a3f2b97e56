import Engine
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
  /// Mistral-7B v0.1.
  static let mistral = ModelShape(
    architecture: "mistral", blocks: 32, hiddenSize: 4096, intermediateSize: 14336, heads: 32,
    kvHeads: 8, headDimension: 128, vocabularySize: 32000, context: 32768, tiedEmbeddings: false,
    slidingWindow: 4096)
  static let gpu = MachinePeaks(
    name: "test", memoryBytes: 80e9, readBandwidth: 2e12, fp32Rate: 20e12, bf16Rate: 300e12,
    int8Rate: 600e12, threads: 0, isMeasured: false)
  static func plan(
    _ workload: Workload, _ shape: ModelShape = llama3, _ peaks: MachinePeaks = gpu
  ) -> PlanReport {
    Planner(model: shape, workload: workload, peaks: peaks, methods: .all).plan()
  }

  /// The models' own published sizes.
  @Test func parametersOfKnownModels() {
    #expect(Self.llama2.parameters == 6_738_415_616)
    #expect(Self.llama3.parameters == 8_030_261_248)
    #expect(Self.mistral.parameters == 7_241_732_096)
  }

  @Test func llama2ByHand() {
    let report = Self.plan(Workload(context: 4096, promptTokens: 2048), Self.llama2)
    // 2 (keys, values) x 32 blocks x 32 heads x 128 channels x 2 bytes.
    #expect(report.kvBytesPerToken == 524_288)
    // 6 738 415 616 parameters x 2 bytes.
    #expect(report.memory.weights == 13_476_831_232)
    // 4096 tokens are 64 blocks of 64: 4096 x 524 288.
    #expect(report.memory.kvCache == 2_147_483_648)
    // 512 x (4 x 4096 + 2 x 4096 + 3 x 11008) x 4 = 512 x 57 600 x 4, and 32 000 logits x 4.
    #expect(report.memory.activations == 117_964_800 + 128_000)
    // Linears 32 x (4 x 4096^2 + 3 x 4096 x 11008) and the head 32 000 x 4096, x 2 bytes: 13 214 154 752 = 25 204 x 524 288.
    #expect(report.crossoverContext == 25_204)
    // That over 2 TB/s.
    #expect(abs(report.decode.weightSeconds - 0.006_607_077_376) < 1e-12)
    // 4096 x 524 288 bytes over 2 TB/s.
    #expect(abs(report.decode.cacheSeconds - 0.001_073_741_824) < 1e-12)
    // 25 204 / 4096.
    #expect(abs(report.crossoverBatchByCache - 6.1533203125) < 1e-9)
    #expect(report.kvFormula.hasSuffix("32 KV heads x 128 channels x 2 bytes = 524288"))
  }

  @Test func llama3ByHand() {
    let report = Self.plan(
      Workload(context: 32768, requests: 16, sharedPrefix: 0.5, promptTokens: 3000, batch: 16))
    // 2 x 32 blocks x 8 KV heads x 128 channels x 2 bytes.
    #expect(report.kvBytesPerToken == 131_072)
    #expect(report.kvFormula.contains("GQA: 32 query heads share them"))
    // 512 blocks a request, 256 of them common: 256 + 16 x 256 = 4352 a layer, x 32 layers x 64 tokens x 4096 bytes.
    #expect(report.memory.kvCache == 4352 * 32 * 64 * 4096)
    #expect(report.memory.weights == 16_060_522_496)
    // Linears 32 x 218 103 808 and the head 128 256 x 4096, x 2 bytes: 15 009 316 864 = 114 512 x 131 072; a batch of 16
    // reads 16 times as much cache.
    #expect(report.crossoverContext == 114_512.0 / 16)
    // As many operations a token as bytes of weights: 300 TFLOP/s over 2 TB/s.
    #expect(abs(report.crossoverBatch - 150) < 1e-9)
    // 114 512 / 32 768.
    #expect(abs(report.crossoverBatchByCache - 3.49462890625) < 1e-9)
    // INT8 in groups of 32 takes 8.5 bits a value, INT4 4.5.
    let bits = report.maps.map(\.width.bits)
    #expect(bits == [16, 8.5, 4.5, 3.5, 2.5, 2])
    #expect(report.maps[1].bytesPerToken == 131_072 * 17 / 32)
    #expect(report.maps[2].cacheBytes == report.memory.kvCache * 9 / 32)
  }

  @Test func mistralByHand() {
    let report = Self.plan(Workload(context: 32768, promptTokens: 4096), Self.mistral)
    #expect(report.kvBytesPerToken == 131_072)
    // A window of 4096 touches 65 blocks of 64: 65 x 32 layers x 64 tokens x 4096 bytes; without it 512 blocks.
    #expect(report.memory.kvCache == 65 * 32 * 64 * 4096)
    #expect(report.cacheKeptWhole == 512 * 32 * 64 * 4096)
    // A step reads 4096 tokens x 131 072 bytes at most: 537 MB, never the 14.2 GB of weights.
    #expect(abs(report.decode.cacheSeconds - 4096 * 131_072 / 2e12) < 1e-12)
    #expect(report.crossoverContext == .infinity)
    // (32 x 218 103 808 + 32 000 x 4096) x 2 = 14 220 787 712 bytes; a batch of 32 reads 4 194 304 a token: 3390.5.
    let batch = Self.plan(Workload(context: 32768, batch: 32), Self.mistral)
    #expect(batch.crossoverContext == 3390.5)
    #expect(report.advice.contains { $0.wouldChange.contains("Windows keep") })
    // Below the window nothing is forgotten.
    let short = Self.plan(Workload(context: 4096), Self.mistral)
    #expect(short.memory.kvCache == 64 * 32 * 64 * 4096)
  }

  @Test func layersMayDifferInWindows() {
    // Every sixth of 12 blocks sees all; the others 1024 tokens.
    var shape = Self.llama3
    shape.blocks = 12
    shape.blocksWithCache = 12
    shape.windows = (0..<12).map { ($0 + 1) % 6 == 0 ? 0 : 1024 }
    let report = Self.plan(Workload(context: 16384, requests: 3), shape)
    // 2 layers x 256 blocks and 10 layers x 17 blocks, for each of 3 requests.
    #expect(report.memory.kvCache == 3 * Double(2 * 256 + 10 * 17) * 64 * 4096)
    #expect(report.cacheKeptWhole == 3 * 12 * 256 * 64 * 4096)
    #expect(report.kvNotes.contains { $0.contains("10 blocks keep the last 1 024 tokens") })
    // Weights over bytes of a layer and token, less what windows add once they are full, over the 2 layers that grow.
    let wanted = shape.decodeWeightBytes(bitsPerWeight: 16) / 4096
    #expect(abs(report.crossoverContext - (wanted - 10 * 1024) / 2) < 1e-6)
  }

  @Test func layersMayShareACache() {
    // The odd blocks read the cache of the even ones: half the memory, all the reads.
    var shape = Self.llama3
    shape.cacheOwners = (0..<32).map { $0 - $0 % 2 }
    shape.blocksWithCache = 16
    let whole = Self.plan(Workload(context: 8192))
    let report = Self.plan(Workload(context: 8192), shape)
    #expect(report.memory.kvCache == whole.memory.kvCache / 2)
    #expect(report.kvBytesPerToken == 65_536)
    #expect(report.decode.cacheSeconds == whole.decode.cacheSeconds)
    #expect(report.kvNotes.contains { $0.contains("16 of 32 blocks") })
  }

  @Test func largestThatFitsIsTheLargest() throws {
    let workload = Workload(
      context: 8192, requests: 4, sharedPrefix: 0.25, memoryBudget: 40e9, kvWidths: [16, 3.25])
    let report = Self.plan(workload)
    #expect(report.maps.map(\.width.bits) == [16, 3.25])
    for map in report.maps {
      let longest = try #require(map.longestContext)
      let room = report.memory.budget - report.memory.weights - report.memory.activations
      let planner = Planner(
        model: Self.llama3, workload: workload, peaks: Self.gpu, methods: .init())
      func bytes(_ context: Int, _ requests: Int) -> Double {
        planner.cacheBytes(context: context, requests: requests, bits: map.width.bits)
      }
      #expect(bytes(longest, 4) <= room && bytes(longest + 1, 4) > room)
      #expect(bytes(8192, map.mostRequests) <= room && bytes(8192, map.mostRequests + 1) > room)
      for (row, fits) in zip(map.shares, report.fits) {
        for (share, fit) in zip(row, fits) {
          #expect(share == bytes(fit.context, fit.requests) / room)
          #expect((share <= 1) == (fit.widestKVBits.map { $0 >= map.width.code } ?? false))
        }
      }
    }
  }

  @Test func fitsNarrowsWithRequests() {
    let report = Self.plan(Workload(context: 32768, requests: 16, memoryBudget: 40e9))
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
      Workload(context: 1 << 40, requests: 1 << 40, sharedPrefix: .nan, memoryBudget: 1),
    ] {
      for shape in [Self.llama3, Self.mistral] {
        let report = Self.plan(workload, shape)
        #expect(report.memory.total.isFinite)
        #expect(report.advice.count == 3)
      }
    }
  }

  @Test func oddWorkloadsAreTold() {
    #expect(Self.plan(Workload(context: 8192)).warnings == [])
    func warning(_ workload: Workload) -> String {
      Self.plan(workload).warnings.joined(separator: "\n")
    }
    #expect(
      warning(Workload(context: 100_000)).contains("100 000 tokens is beyond the model's 8 192"))
    #expect(warning(Workload(context: 600)).contains("512 tokens and an answer of 128"))
    #expect(warning(Workload(context: 8192, batch: 4)).contains("A batch of 4"))
    #expect(
      warning(Workload(context: 8192, memoryBudget: 200e9)).contains("more than test has, 80.0 GB"))
    let small = Self.plan(Workload(context: 8192, memoryBudget: 4e9))
    #expect(small.warnings.contains { $0.contains("below the weights alone, which take 16.1 GB") })
    #expect(small.warnings.contains { $0.contains("still too much") })
    #expect(!small.warnings.contains { $0.contains("fewer requests") })
    #expect(
      warning(Workload(context: 8192, requests: 64, memoryBudget: 10e9)).contains("fewer requests"))
    #expect(small.fits.allSatisfy { $0.allSatisfy { $0.widestKVBits == nil } })
    #expect(small.maps.allSatisfy { $0.longestContext == 0 && $0.mostRequests == 0 })
    #expect(small.advice.first?.target == .weights)
  }
}
