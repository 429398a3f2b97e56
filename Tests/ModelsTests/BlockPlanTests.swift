import Checkpoints
import Models
import Operators
import Platform
import Tensors
import TestSupport
import Testing

@Suite struct BlockPlanTests {
  private func configuration(_ name: String) throws -> ModelConfiguration {
    try ModelConfiguration(
      ConfigFile(path: FixtureModel(name: name).directory + "/config.json"))
  }

  // MARK: What plans say

  @Test func theUsualBlock() throws {
    let plan = try configuration("qwen2").block(1)
    #expect(plan.roles == [.q, .k, .v, .o, .gate, .up, .down])
    #expect(plan.inputGroups.map(\.roles) == [[.q, .k, .v], [.o], [.gate, .up], [.down]])
    #expect(plan.inputGroups.map(\.readsStream) == [true, false, true, false])
    #expect(plan.normPlaces == [.attention, .feedForward])
    #expect(plan.openingNorms == plan.normPlaces)
    #expect(plan.linears.filter(\.hasBias).map(\.role) == [.q, .k, .v])
    #expect(plan[.down]?.name == "model.layers.1.mlp.down_proj")
    #expect(plan[.down].map { [$0.rows, $0.columns] } == [32, 48])
    #expect(plan.attention.window == 70)
    #expect(plan.scalePairs.map(\.targets) == [[.q, .k, .v], [.o], [.gate, .up], [.down]])
    #expect(plan.rotationObstacle == nil && plan.notRun == nil)
  }

  @Test func blocksWithoutPositions() throws {
    let configuration = try configuration("smollm3")
    let rotations = (0..<3).map { configuration.block($0).attention.rotation }
    #expect(rotations[0] != nil && rotations[1] == nil && rotations[2] == rotations[0])
    #expect((0..<3).map { configuration.block($0).attention.window } == [0, 50, 0])
    #expect(configuration.block(1).linears.filter(\.hasBias).count == 7)
  }

  @Test func everyFourthBlockWithoutPositionsUnlessListed() throws {
    let text = """
      {"model_type": "smollm3", "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 9,
      "num_attention_heads": 4, "vocab_size": 64, "max_position_embeddings": 256}
      """
    let configuration = try ModelConfiguration(
      ConfigFile(path: "config.json", text: Array(text.utf8)))
    let without = (0..<9).filter { configuration.block($0).attention.rotation == nil }
    #expect(without == [3, 7])
    #expect(configuration.tiedEmbeddings)
    #expect(configuration.rotary.base == 2_000_000)
  }

  @Test func gainsAboutOneAndNormsOnBothSides() throws {
    let configuration = try configuration("gemma3")
    let plan = configuration.block(0)
    #expect(
      plan.normPlaces
        == [.attention, .query, .key, .attentionOutput, .feedForward, .feedForwardOutput])
    #expect(plan.norms.values.allSatisfy { $0.offset == 1 && $0.kind == .rms })
    #expect(plan[.feedForward]?.name == "model.layers.0.pre_feedforward_layernorm.weight")
    #expect(plan[.query]?.width == 16)
    #expect(plan.feedForward.activation == .geluTanh)
    #expect(plan.attention.scale == Float(1 / 23.0.squareRoot()))
    #expect((0..<3).map { configuration.block($0).attention.window } == [24, 24, 0])
    #expect(plan.attention.rotation?.embedding == RotaryEmbedding(base: 300))
    #expect(
      configuration.block(2).attention.rotation?.embedding
        == RotaryEmbedding(base: 20000, scaling: .linear(factor: 4)))
    #expect(plan.scalePairs.first?.offset == 1)
    #expect(plan.rotationObstacle?.contains("norms over what") == true)
  }

  @Test func newerFilesNestTheRotations() throws {
    let text = """
      {"model_type": "gemma3_text", "hidden_size": 32, "intermediate_size": 48,
      "num_hidden_layers": 6, "num_attention_heads": 4, "vocab_size": 64, "head_dim": 16,
      "max_position_embeddings": 256, "rope_parameters": {
      "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1000000.0},
      "sliding_attention": {"rope_type": "default", "rope_theta": 5000.0}}}
      """
    let configuration = try ModelConfiguration(
      ConfigFile(path: "config.json", text: Array(text.utf8)))
    #expect(
      configuration.block(5).attention.rotation?.embedding
        == RotaryEmbedding(base: 1_000_000, scaling: .linear(factor: 8)))
    #expect(
      configuration.block(0).attention.rotation?.embedding == RotaryEmbedding(base: 5000))
    #expect(configuration.block(0).attention.window == 4096)
    #expect(configuration.architecture.frame(configuration).logitSoftCap == nil)
  }

  @Test func textModelsInsideOthersLeaveOutWhatIsUsual() throws {
    let text = """
      {"model_type": "gemma3_text", "hidden_size": 2560, "intermediate_size": 10240,
      "num_hidden_layers": 34, "rope_scaling": {"factor": 8.0, "rope_type": "linear"},
      "sliding_window": 1024}
      """
    let configuration = try ModelConfiguration(
      ConfigFile(path: "config.json", text: Array(text.utf8)))
    #expect(configuration.heads == 8 && configuration.kvHeads == 4)
    #expect(configuration.headDimension == 256 && configuration.vocabularySize == 262_208)
    #expect(configuration.context == 131_072)
    #expect(configuration.rotary == RotaryEmbedding(base: 1_000_000, scaling: .linear(factor: 8)))
  }

  @Test func scaleMovesOnlyWhereNothingStandsBetween() throws {
    var plan = try configuration("qwen2").block(0)
    plan.feedForward.hasGate = false
    plan.linears.removeAll { $0.role == .gate }
    func pairs(_ activation: Activation) -> [ScalePair.Source] {
      var plan = plan
      plan.feedForward.activation = activation
      return plan.scalePairs.map(\.source)
    }
    #expect(pairs(.relu).contains(.linear(.up)))
    #expect(!pairs(.gelu).contains(.linear(.up)))
    plan[.attention]?.hasBias = true
    #expect(!plan.scalePairs.map(\.source).contains(.norm(.attention)))
  }

  @Test func rolesOfExpertsAreWrittenAndRead() throws {
    for role in [
      Projection.router, Projection(.gate, of: .number(12)), Projection(.down, of: .shared),
    ] {
      #expect(Projection(rawValue: role.rawValue) == role)
    }
    #expect(Projection(.gate, of: .number(3)).rawValue == "gate-3")
    for text in ["", "x", "q-1", "gate-", "gate--1", "gate-01", "0", "Down"] {
      #expect(Projection(rawValue: text) == nil, "\(text)")
    }
    let order: [Projection] = [
      .q, .o, .router, .up, Projection(.gate, of: .number(0)), Projection(.down, of: .number(0)),
      Projection(.gate, of: .number(1)), Projection(.gate, of: .shared),
    ]
    #expect(order.shuffled().sorted() == order)
  }

  // MARK: What is not run is refused by name

  @Test func whatIsNotRunIsNamed() throws {
    var plan = try configuration("qwen2").block(0)
    plan.attention.softCap = 50
    #expect(plan.notRun == nil)
    plan.attention.softCap = nil
    plan.attention.sinks = "model.layers.0.self_attn.sinks"
    #expect(plan.notRun == nil)
    plan.attention.sinks = nil
    plan.feedForward.experts = .init(count: 8, active: 2, scores: .softmaxOfChosen)
    #expect(plan.notRun?.contains("experts") == true)
    plan.feedForward.experts = nil
    #expect(plan.notRun == nil)
    plan.linears.removeAll { $0.role == .gate }
    #expect(plan.notRun?.contains("q, k, v, o, up, down") == true)
  }

  @Test func aCapThatTheFileNamesChangesTheLogits() throws {
    let fixture = FixtureModel(name: "gemma3")
    let reference = try fixture.reference()
    func logits(_ cap: Double?) throws -> [Float] {
      var configuration = try configuration("gemma3")
      configuration.particulars["attn_logit_softcapping"] = cap.map { [$0] }
      let model = try Model.load(
        configuration, from: CheckpointSource(Checkpoint(path: fixture.directory)), precision: .f32)
      let ids = Array(reference.ids.prefix(40))
      return allValues(
        try model.forward(
          tokens: ids, cache: model.makeCache(), context: makeContext(), logits: .all))
    }
    let plain = try logits(nil)
    #expect(largestDifference(plain, try logits(2)) > 0.01)
    // A cap far above all scores is none: plain code and kernels compute the same.
    #expect(largestDifference(plain, try logits(1e6)) < 2e-3)
  }
}
