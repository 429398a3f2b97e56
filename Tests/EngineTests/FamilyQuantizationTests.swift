import Engine
import FoundationEssentials
import Models
import Operators
import Platform
import Quantization
import Tensors
import TestSupport
import Testing

/// Methods that move scale, plant and rotate, on blocks that are not Llama's: gains about 1, norms on both sides, layers
/// without positions, biases everywhere.
@Suite struct FamilyQuantizationTests {
  /// What the moved scales may change of a block's output in float32, as a share of it: rounding alone.
  private static let foldingError = 1e-9

  static let families = ["gemma3", "smollm3"]

  private func model(_ name: String) throws -> Model {
    var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    parts.removeLast(2)
    let folder = parts.joined(separator: "/") + "/ModelsTests/Fixtures/" + name
    return try Model.load(directory: folder, precision: .f32)
  }

  private func context() throws -> ExecutionContext {
    try ExecutionContext(pool: WorkerPool(threads: 2), provider: .best)
  }

  /// What enters block 1.
  private func streams(_ model: Model, _ context: ExecutionContext, seed: UInt64) throws
    -> [HiddenStates]
  {
    var generator = SeededGenerator(seed: seed)
    let streams = try (0..<3).map { _ in
      try model.embed((0..<80).map { _ in Int32.random(in: 0..<64, using: &generator) })
    }
    try model.runBlock(0, hidden: streams, context: context)
    return streams
  }

  private func logits(_ model: Model) throws -> [Float] {
    let ids = (0..<60).map { Int32($0 * 37 % 64) }
    let found = try model.forward(
      tokens: ids, cache: model.makeCache(), context: context(), logits: .all)
    return ids.indices.flatMap { found.values(row: $0) }
  }

  private static let methods = [
    Recipe(
      weights: MethodChoice(
        method: "awq",
        options: ["bits": .integer(4), "group": .integer(-1), "tie-heads": .flag(true)])),
    Recipe(activations: MethodChoice(method: "smoothquant", options: ["reach": .choice("all")])),
  ]

  @Test(arguments: families + ["mixtral", "olmo2"], methods)
  func whatIsMovedChangesNothing(_ family: String, _ recipe: Recipe) throws {
    let model = try model(family)
    let context = try context()
    let trial = try BlockTrial(
      recipe: recipe, model: model, index: 1, sequences: streams(model, context, seed: 1),
      context: context)
    var scales: [Projection: LayerScales] = [:]
    for layer in trial.draft.layers { scales[layer.projection] = layer.scales }
    // Without a norm in front nothing moves to q, k, v, gate and up.
    let needsNorm = family != "olmo2"
    #expect(
      scales.allSatisfy { !$0.value.isIdentity || (!needsNorm && $0.key.readsStream) },
      "every layer takes part")
    let original = try model.block(1)
    let moved = try QuantizedBlock(
      block: trial.drafted, record: .init(), absoluteMaxima: [:], scales: scales
    ).floatBlock(original: original)
    for norm in original.plan.openingNorms {
      #expect(moved[norm].values != original[norm].values)
      // What a file in the type of the source holds is what runs.
      let stored = moved[norm].stored
      #expect(stored.allSatisfy { FloatFormats.float(bf16: FloatFormats.bf16($0)) == $0 })
    }
    for norm in original.plan.normPlaces where !original.plan.openingNorms.contains(norm) {
      #expect(moved[norm].values == original[norm].values)
    }
    for sequence in try streams(model, context, seed: 2) {
      let (expected, found) = (try sequence.copy(), try sequence.copy())
      try model.runBlock(1, original, hidden: [expected], context: context)
      try model.runBlock(1, moved, hidden: [found], context: context)
      let sums = context.compare(
        expected.pointer, found.pointer, count: sequence.tokens * sequence.width)
      #expect(sums.relativeError < Self.foldingError, "\(sums.relativeError)")
    }
  }

  @Test(arguments: ["rtn:4:-1", "gptq:4:-1", "awq:4:-1", "hqq:4:-1"])
  func everyExpertIsQuantizedAndTheRouterIsNot(_ weights: String) throws {
    let model = try model("mixtral")
    let context = try context()
    let streams = try streams(model, context, seed: 4)
    let recipe = try RecipeText.recipe("weights=" + weights)
    let trial = try BlockTrial(
      recipe: recipe, model: model, index: 1, sequences: streams, context: context)
    let experts = trial.draft.layers.filter { $0.projection.expert != nil }
    #expect(experts.count == 12)
    for layer in trial.draft.layers {
      #expect(layer.isQuantized == (layer.projection != .router), "\(layer.projection)")
      #expect(layer.fallback == nil, "\(layer.projection): \(layer.fallback ?? "")")
    }
    let (plain, quantized) = (try streams[0].copy(), try streams[0].copy())
    try model.runBlock(1, hidden: [plain], context: context)
    try model.runBlock(1, trial.drafted, hidden: [quantized], context: context)
    let sums = context.compare(
      plain.pointer, quantized.pointer, count: plain.tokens * plain.width)
    #expect(sums.relativeError > 0 && sums.relativeError < 0.1, "\(sums.relativeError)")
  }

  @Test func anExpertThatFewTokensReachIsRoundedAndSaysSo() throws {
    let model = try model("mixtral")
    let context = try context()
    let tokens = try model.embed((0..<6).map { Int32($0 * 5) })
    let trial = try BlockTrial(
      recipe: RecipeText.recipe("weights=gptq:4:-1"), model: model, index: 0, sequences: [tokens],
      context: context)
    for layer in trial.draft.layers where layer.projection.expert != nil {
      #expect(layer.fallback?.contains("calibration tokens came to the expert") == true)
    }
    #expect(trial.draft[.q].fallback == nil)
    // AWQ leaves the experts that no token is sent to unscaled, and rounds them all the same.
    let awq = try BlockTrial(
      recipe: RecipeText.recipe("weights=awq:4:-1"), model: model, index: 0,
      sequences: [try model.embed([7])], context: context)
    #expect(awq.draft.layers.allSatisfy { $0.isQuantized || $0.projection == .router })
  }

  @Test(arguments: ["int8", "llm.int8", "smoothquant", "fp8"])
  func activationsOfExpertsAreQuantized(_ method: String) throws {
    let model = try model("qwen3-moe")
    let context = try context()
    let trial = try BlockTrial(
      recipe: RecipeText.recipe("activations=" + method), model: model, index: 1,
      sequences: streams(model, context, seed: 5), context: context)
    for layer in trial.draft.layers where layer.projection != .router {
      #expect(layer.isQuantized, "\(layer.projection)")
    }
    #expect(!trial.draft[.router].isQuantized)
  }

  @Test(arguments: families) func plantingChangesNoBit(_ family: String) throws {
    let model = try model(family)
    let planted = try OutlierPlanting(channels: 3, factor: 32, seed: 3).planted(in: model)
    #expect(planted.blocks[1].linears.count { $0.value !== model.blocks[1][$0.key] } == 5)
    #expect(try logits(model).map(\.bitPattern) == logits(planted).map(\.bitPattern))
  }

  @Test func rotationIsRefusedByNameWhereItWouldChangeTheModel() throws {
    let model = try model("gemma3")
    let error = try #require(throws: RotationError.self) {
      try ResidualRotation(seed: 1).rotated(model, pool: nil)
    }
    #expect("\(error)".contains("block 0"))
    #expect("\(error)".contains("norms over what attention and feed-forward layers add"))
  }

  @Test func rotationKeepsLayersWithoutPositions() throws {
    let model = try model("smollm3")
    let rotated = try ResidualRotation(seed: 1).rotated(model, storedAs: .f32, pool: nil)
    let worst = try zip(logits(model), logits(rotated)).map { ($0 - $1).magnitude }.max() ?? 1
    #expect(worst < 2e-3, "\(worst)")
    #expect(
      rotated.blocks[0][rotated.blocks[0].roles[0]].weight
        !== model.blocks[0][model.blocks[0].roles[0]].weight)
  }
}
