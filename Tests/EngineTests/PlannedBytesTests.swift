import Evaluation
import Models
import Operators
import Planning
import Platform
import Quantization
import Tensors
import TestSupport
import Testing

@testable import Engine

/// Every registered method and cache, planned and built: the same bytes.
@Suite(.serialized) struct PlannedBytesTests {
  /// Heads of 16 channels in layers 64 and 96 wide, and heads of 64 in layers 128 and 192 wide.
  static let shapes = [
    ModelShape(
      architecture: "llama", blocks: 2, hiddenSize: 64, intermediateSize: 96, heads: 4, kvHeads: 2,
      headDimension: 16, vocabularySize: 2048, context: 512, tiedEmbeddings: false),
    ModelShape(
      architecture: "llama", blocks: 3, hiddenSize: 128, intermediateSize: 192, heads: 2,
      kvHeads: 1, headDimension: 64, vocabularySize: 2048, context: 512, tiedEmbeddings: true),
  ]

  private static func open(_ shape: ModelShape, _ folder: TemporaryFolder) throws -> Laboratory {
    let pool = WorkerPool(threads: 2)
    try SyntheticModel(shape: shape, seed: 3).write(to: folder.path("model"), pool: pool)
    let laboratory = try Laboratory(
      threads: 2, workspace: Workspace(directory: folder.path("runs")))
    _ = try perform(laboratory, LoadJob(path: folder.path("model")))
    return laboratory
  }

  private static let calibration = CalibrationOptions(samples: 2, length: 32)

  /// Recipes of every method with the group that both shapes take, and what methods do beyond their defaults.
  private static var recipes: [Recipe] {
    get throws {
      var found: [Recipe] = []
      for method in QuantizationMethods.all {
        let description = method.describes
        var options: [String: OptionValue] = [:]
        if description.options.contains(where: { $0.key == "group" }) {
          options["group"] = .integer(32)
        }
        let choice = MethodChoice(method: description.name, options: options)
        found.append(
          description.target == .weights ? Recipe(weights: choice) : Recipe(activations: choice))
      }
      for text in ["rtn:8:-1", "rtn:3:32", "rtn:4:0", "hqq:2:32"] {
        var recipe = Recipe()
        try RecipeText.put(text, for: Slot.weights.key, into: &recipe)
        found.append(recipe)
      }
      var mixed = Recipe(weights: MethodChoice(method: "rtn", options: ["group": .integer(32)]))
      mixed.exceptions = [try LayerException("*.v=8"), try LayerException("1.down=fp")]
      mixed.head = HeadChoice(bits: 8)
      found.append(mixed)
      found.append(Recipe(head: HeadChoice(bits: 4, group: 32)))
      return found
    }
  }

  /// Where no text is read no block runs, so that no packed copies of the layers are priced.
  @Test func memoryIsNotPricedForBlocksThatDoNotRun() throws {
    let folder = try TemporaryFolder()
    let laboratory = try Self.open(Self.shapes[1], folder)
    let recipe = Recipe(
      weights: MethodChoice(method: "rtn", options: ["group": .integer(32)]))
    func price(_ compares: Bool) throws -> Int {
      let report = try perform(
        laboratory, AssessJob(recipe: recipe, calibration: Self.calibration, compares: compares))
      return try #require(report.jobBytes)
    }
    let linears = try laboratory.openModel(for: "a test").model.linearBytes
    #expect(try price(true) - price(false) >= linears / 2)
  }

  @Test(arguments: shapes.indices) func theBytesOfAnyRecipeArePriced(_ index: Int) throws {
    let folder = try TemporaryFolder()
    let laboratory = try Self.open(Self.shapes[index], folder)
    for recipe in try Self.recipes {
      let price = try perform(
        laboratory, AssessJob(recipe: recipe, calibration: Self.calibration))
      #expect(price.problems == [], "\(recipe)")
      let made = try perform(
        laboratory,
        QuantizeJob(recipe: recipe, calibration: Self.calibration, keeping: .nothing))
      #expect(price.outputBytes == made.outputBytes, "\(recipe)")
      #expect(price.baselineBytes == made.baselineBytes, "\(recipe)")
      #expect(price.kvBytesPerToken == made.kvBytesPerToken, "\(recipe)")
      let isLarger = made.outputBytes > made.baselineBytes
      #expect(
        (price.warnings ?? []).contains { $0.contains("larger") } == isLarger, "\(recipe)")
    }
  }

  /// What a plan says of a method's first form is what a layer in that form takes.
  @Test(arguments: shapes.indices) func theBitsOfAPlanAreThoseOfTheLayers(_ index: Int) throws {
    let folder = try TemporaryFolder()
    let laboratory = try Self.open(Self.shapes[index], folder)
    let report = try perform(
      laboratory, PlanJob(workload: Workload(context: 512), machine: "A100 80GB"))
    let advice = try #require(report.advice.first { $0.target == .weights })
    #expect(advice.ranking.count == 4)
    for ranked in advice.ranking {
      let method = try QuantizationMethods.description(of: ranked.name, target: .weights)
      let recipe = Recipe(weights: advice.choice(of: method))
      let made = try perform(
        laboratory,
        QuantizeJob(recipe: recipe, calibration: Self.calibration, keeping: .nothing))
      let weights = report.model.blockLinearParameters
      let bytes = made.layers.reduce(0) { $0 + $1.bytes }
      let bits = try #require(ranked.bits)
      #expect(abs(bits - Double(bytes) * 8 / Double(weights)) < 1e-9, "\(recipe)")
    }
  }

  /// Bytes of every cache, planned by the formats alone, beside what blocks are taken for it.
  @Test(arguments: shapes.indices) func theBytesOfAnyCacheArePlanned(_ index: Int) throws {
    let shape = Self.shapes[index]
    let context = try ExecutionContext(pool: WorkerPool(threads: 1))
    var formats: [KVFormatPair] = [.fp16, .fp32]
    for method in KVCacheMethods.all {
      formats += method.traits.forms.map(\.cache)
      let choice = MethodChoice(method: method.describes.name)
      formats.append(try Recipe(keys: choice, values: choice).cacheFormat(standard: .fp16))
    }
    for text in ["fp8 scale=one", "fp8 scale=first", "turboquant:3 form=prod", "int4:16"] {
      let words = text.split(separator: " ").map(String.init)
      var recipe = Recipe()
      try RecipeText.put(words[0], for: "kv", into: &recipe)
      for word in words.dropFirst() {
        let parts = word.split(separator: "=").map(String.init)
        recipe.keys?.options[parts[0]] = .choice(parts[1])
        recipe.values?.options[parts[0]] = .choice(parts[1])
      }
      formats.append(try recipe.cacheFormat(standard: .fp16))
    }
    var high = try Recipe(
      keys: MethodChoice(method: "kivi"), values: MethodChoice(method: "kivi")
    ).cacheFormat(standard: .fp16)
    high.highLayers = 1
    formats.append(high)
    for format in formats {
      for length in [1, 64, 130, 200, 384, 500] {
        let cache = try BlockKVCache(
          KVCacheLayout(
            layers: shape.blocks, kvHeads: shape.kvHeads, headDimension: shape.headDimension,
            format: format), capacity: 512)
        try fill(cache, to: length, context)
        let planned = CacheFootprint(shape, forgets: false).bytes(
          context: Double(length), requests: 1, shared: 0, format: format)
        #expect(planned == Double(cache.byteCount), "\(format), \(length) tokens")
      }
    }
  }

  private func fill(_ cache: BlockKVCache, to length: Int, _ context: ExecutionContext) throws {
    let width = cache.layout.kvHeads * cache.layout.headDimension
    let vectors = (0..<32 * width).map { Float(($0 * 7919) % 23) - 11 }
    while cache.length < length {
      let count = min(32, length - cache.length)
      try cache.reserve(count)
      for layer in 0..<cache.layout.layers {
        cache.append(
          keys: vectors, values: vectors, tokens: count, layer: layer, context: context)
      }
      cache.advance(count)
    }
  }

  /// FP8 with a scale a token, and TurboQuant's norm, in heads of 64 channels.
  @Test func knownBits() {
    let fp8 = KVFormat.fp8(type: .f8e4m3, scale: .token)
    #expect(fp8.bitsPerValue(headDimension: 64) == 8.5)
    #expect(fp8.blockBytes(headDimension: 64, areKeys: true) * 8 == 64 * 64 * 17 / 2)
    let turbo = KVFormat.codebook(format: CodebookFormat(bits: 4))
    #expect(turbo.bitsPerValue(headDimension: 64) == 4.25)
    #expect(turbo.bitsPerValue(headDimension: 128) == 4.125)
  }
}
