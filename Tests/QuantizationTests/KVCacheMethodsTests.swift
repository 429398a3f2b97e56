import FoundationEssentials
import Quantization
import Tensors
import Testing

/// What people type for a cache, and the formats it becomes.
@Suite struct KVCacheMethodsTests {
  private func format(_ text: String) throws -> KVFormatPair {
    try RecipeText.cache(text).cacheFormat(standard: .fp16)
  }

  @Test func methodsBecomeFormats() throws {
    #expect(try format("fp8").keys == .fp8(type: .f8e4m3, scale: .token))
    #expect(
      try format("fp8 type=e5m2 scale=one").values == .fp8(type: .f8e5m2, scale: .one))
    let kivi = try format("kivi:4")
    #expect(kivi.keys == .channelGroups(bits: 4, tokens: 32))
    #expect(kivi.values == .tokenGroups(bits: 4, group: 32))
    #expect(kivi.window == KVWindow(tokens: 128, type: .f16))
    #expect(
      try format("int8 window=64").window == KVWindow(tokens: 64, type: .f16, slides: true))
    #expect(try format("turboquant:4 window=40").window?.tokens == 40)
    #expect(try format("fp8 window=0").window == nil)
    // Keys that are quantized in groups of tokens leave in whole windows, whatever values do.
    let mixed = try format("kivi:4/int4 window=256").window
    #expect(mixed?.slides == false)
    let half = try format("turboquant:2.5").keys
    #expect(half == .codebook(format: CodebookFormat(bits: 2, extraShare: 0.5)))
    #expect(
      try format("turboquant:3 form=prod rotation=dense seed=9").keys
        == .codebook(
          format: CodebookFormat(bits: 3, form: .prod, rotation: .dense(seed: 9))))
    #expect(
      try format("int4 rotate=true").keys
        == .rotated(format: .integer(bits: 4, group: 32), rotation: .hadamard(seed: 1)))
    #expect(try format("int8 high-layers=2").highLayers == 2)
  }

  @Test func sidesAreChosenApart() throws {
    let pair = try format("int8/turboquant:3")
    #expect(pair.keys == .integer(bits: 8, group: 32))
    #expect(pair.values == .codebook(format: CodebookFormat(bits: 3)))
    #expect(pair.window == nil)
  }

  @Test(arguments: [
    "turboquant:9", "turboquant:0.5", "turboquant:2.5 form=prod", "kivi:3", "fp8 type=e3m4",
    "kivi window=100", "turboquant rotation=none",
    "turboquant:3 form=prod window=64", "int8 window=-1", "int4 window=5000",
  ])
  func whatDoesNotGoIsRefused(text: String) {
    #expect(throws: QuantizationError.self) { try format(text) }
  }

  @Test func formatsAreReadBackAsTheyWereWritten() throws {
    for text in [
      "fp8 scale=first", "kivi:2", "turboquant:3.5 norm-correction=true", "int8/int4",
      "int4 rotate=true window=128",
    ] {
      let pair = try format(text)
      let data = try JSONEncoder().encode(pair)
      #expect(try JSONDecoder().decode(KVFormatPair.self, from: data) == pair)
    }
  }
}
