import Checkpoints
import Models
import Operators
import Platform
import Tensors
import TestSupport
import Testing

/// Mixtures of experts from GGUF files, whose experts lie in one tensor, against the same weights in safetensors.
@Suite struct GGUFExpertsTests {
  /// The model of a fixture, its experts' weights as the format has them: `[experts, rows, columns]`.
  private struct Copy {
    let model: Model
    let architecture: String
    var metadata: [String: GGUFValue] = [:]
    var type: (String) -> GGUFTensorType = { _ in .f32 }
    /// Whether each expert has a tensor of its own, as the first files had them.
    var isSplit = false

    init(_ fixture: String, _ architecture: String) throws {
      model = try FixtureModel(name: fixture).model()
      self.architecture = architecture
    }

    private var pairsRows: Bool { architecture == "llama" }

    private func tensors() throws -> [(name: String, shape: [Int], floats: [Float])] {
      var tensors: [(String, [Int], [Float])] = []
      let configuration = model.configuration
      let width = configuration.hiddenSize
      func table(_ name: String, _ weight: any LinearWeight) {
        tensors.append((name, [configuration.vocabularySize, width], weight.dequantized()))
      }
      table("token_embd.weight", model.embedding)
      if !configuration.tiedEmbeddings { table("output.weight", model.head.weight) }
      tensors.append(("output_norm.weight", [width], model.finalNorm.stored))
      for (index, block) in model.blocks.enumerated() {
        let prefix = "blk.\(index)."
        let isOss = architecture == "gpt-oss"
        for (place, name) in [
          (BlockNorm.attention, "attn_norm"),
          (.feedForward, isOss ? "post_attention_norm" : "ffn_norm"),
          (.query, "attn_q_norm"), (.key, "attn_k_norm"),
        ] {
          guard let norm = block.norms[place] else { continue }
          tensors.append((prefix + name + ".weight", [norm.count], norm.stored))
        }
        if let sinks = block.sinks {
          tensors.append((prefix + "attn_sinks.weight", [sinks.count], sinks.values))
        }
        for role in block.roles where role.expert == nil {
          let name = prefix + Self.name(role.kind)
          let linear = block[role]
          let heads =
            role == .q ? configuration.heads : role == .k ? configuration.kvHeads : 0
          tensors.append(
            (
              name + ".weight", [linear.rows, linear.columns],
              ordered(linear.weight.dequantized(), linear.columns, heads: heads)
            ))
          if let bias = linear.bias {
            tensors.append((name + ".bias", [bias.count], ordered(bias, 1, heads: heads)))
          }
        }
        for kind in [Projection.Kind.gate, .up, .down] {
          let experts = (0..<(block.plan.feedForward.experts?.count ?? 0)).map {
            block[Projection(kind, of: .number($0))]
          }
          guard let first = experts.first else { continue }
          let name = prefix + Self.name(kind)
          if isSplit {
            for (number, expert) in experts.enumerated() {
              tensors.append(
                (
                  "\(name).\(number).weight", [first.rows, first.columns],
                  expert.weight.dequantized()
                ))
            }
            continue
          }
          tensors.append(
            (
              name + "_exps.weight", [experts.count, first.rows, first.columns],
              experts.flatMap { $0.weight.dequantized() }
            ))
          if first.bias != nil {
            tensors.append(
              (
                name + "_exps.bias", [experts.count, first.rows],
                experts.flatMap { $0.bias ?? [] }
              ))
          }
        }
      }
      return tensors
    }

    private static func name(_ kind: Projection.Kind) -> String {
      switch kind {
      case .q: "attn_q"
      case .k: "attn_k"
      case .v: "attn_v"
      case .o: "attn_output"
      case .router: "ffn_gate_inp"
      case .gate: "ffn_gate"
      case .up: "ffn_up"
      case .down: "ffn_down"
      }
    }

    private func ordered(_ floats: [Float], _ width: Int, heads: Int) -> [Float] {
      guard pairsRows, heads > 0 else { return floats }
      var stored = floats
      for row in 0..<floats.count / width {
        let place = GGUFRowOrder.stored(row, headDimension: model.configuration.headDimension)
        stored.replaceSubrange(
          place * width..<(place + 1) * width, with: floats[row * width..<(row + 1) * width])
      }
      return stored
    }

    func write(to path: String) throws {
      let configuration = model.configuration
      let prefix = architecture + "."
      var values: [String: GGUFValue] = [
        "general.architecture": .string(Array(architecture.utf8)),
        prefix + "rope.freq_base": .float(configuration.rotary.base, type: .f32),
        prefix + "attention.layer_norm_rms_epsilon": .float(
          Double(configuration.normEpsilon), type: .f32),
      ]
      let experts = try #require(model.blocks.last?.plan.feedForward.experts)
      for (key, value) in [
        ("block_count", configuration.blocks), ("embedding_length", configuration.hiddenSize),
        ("feed_forward_length", configuration.intermediateSize),
        ("context_length", configuration.context), ("attention.head_count", configuration.heads),
        ("attention.head_count_kv", configuration.kvHeads),
        ("attention.key_length", configuration.headDimension),
        ("attention.value_length", configuration.headDimension), ("expert_count", experts.count),
        ("expert_used_count", experts.active),
        (
          "expert_feed_forward_length",
          model.blocks.last?[Projection(.up, of: .number(0))].rows ?? 0
        ),
      ] { values[prefix + key] = .unsigned(UInt64(value), type: .u32) }
      values.merge(metadata) { $1 }
      let tensors = try tensors()
      let writer = try GGUFWriter(
        path: path,
        metadata: values.sorted { $0.key < $1.key }.map { .init(key: $0.key, value: $0.value) },
        tensors: tensors.map {
          let wanted = $0.shape.count > 1 ? type($0.name) : .f32
          return .init(
            name: $0.name,
            type: ($0.shape.last ?? 1) % wanted.blockElements == 0 ? wanted : .f32,
            shape: try Shape(checking: $0.shape))
        })
      for tensor in tensors { try writer.write(tensor.name, floats: tensor.floats) }
      try writer.commit()
    }

    func open(in folder: TemporaryFolder) throws -> Model {
      try write(to: folder.path("model.gguf"))
      return try Model.load(gguf: GGUFFile(path: folder.path("model.gguf")), precision: .f32)
    }
  }

  private static func logits(_ model: Model) throws -> [Float] {
    let ids: [Int32] = (0..<48).map { $0 * 29 % 64 }
    return allValues(
      try model.forward(
        tokens: ids, cache: model.makeCache(.fp32), context: makeContext(), logits: .all))
  }

  @Test(arguments: [false, true]) func mixtral(isSplit: Bool) throws {
    var copy = try Copy("mixtral", "llama")
    copy.isSplit = isSplit
    let model = try copy.open(in: TemporaryFolder())
    #expect(model.configuration.modelType == "mixtral")
    #expect(try Self.logits(model) == Self.logits(copy.model))
  }

  /// Small experts after a dense block; the weights of the chosen are brought to 1, which the format does not say.
  @Test func qwen3() throws {
    let folder = try TemporaryFolder()
    let fixture = FixtureModel(name: "qwen3-moe")
    var config = try ConfigFile(path: fixture.directory + "/config.json").root
    config.set("norm_topk_prob", .bool(true))
    let expected = try Model.load(
      ModelConfiguration(
        ConfigFile(path: "config.json", text: Array(JSONValue.object(config).text().utf8))),
      from: CheckpointSource(Checkpoint(path: fixture.directory)), precision: .f32)
    let model = try Copy("qwen3-moe", "qwen3moe").open(in: folder)
    #expect(model.blocks[0].plan.feedForward.experts == nil)
    #expect(try Self.logits(model) == Self.logits(expected))
  }

  /// Biases of experts, sinks, and angles stretched by YaRN.
  @Test func gptOSS() throws {
    var copy = try Copy("gpt-oss", "gpt-oss")
    func number(_ value: Int) -> GGUFValue { .unsigned(UInt64(value), type: .u32) }
    copy.metadata = [
      "gpt-oss.attention.sliding_window": number(24),
      "gpt-oss.rope.scaling.type": .string(Array("yarn".utf8)),
      "gpt-oss.rope.scaling.factor": .float(4, type: .f32),
      "gpt-oss.rope.scaling.original_context_length": number(64),
    ]
    let model = try copy.open(in: TemporaryFolder())
    #expect(model.blocks[1].plan.attention.window == 0 && model.blocks[0].sinks != nil)
    // Fields that the format does not say are as in the published models.
    #expect(
      model.blocks[0].plan.feedForward.clampedGate == ClampedGate(limit: 7, alpha: 1.702))
    for (index, block) in model.blocks.enumerated() {
      for role in block.roles {
        let original = copy.model.blocks[index][role]
        #expect(block[role].weight.dequantized() == original.weight.dequantized())
        #expect(block[role].bias == original.bias)
      }
      #expect(block.sinks?.values == copy.model.blocks[index].sinks?.values)
    }
  }

  @Test func blocksOfAnExpertAreItsOwn() throws {
    var copy = try Copy("qwen3-moe", "qwen3moe")
    copy.type = { $0.contains("_exps") ? .q8_0 : .f32 }
    let model = try copy.open(in: TemporaryFolder())
    for number in 0..<6 {
      let id = LinearID(block: 1, projection: Projection(.gate, of: .number(number)))
      #expect("\(model[id].weight.format)" == "Q8_0")
      let (found, exact) = (model[id].weight.dequantized(), copy.model[id].weight.dequantized())
      #expect(largestDifference(found, exact) < 0.02)
      #expect(largestDifference(found, exact) > 0)
    }
  }

  @Test func expertsWithoutACountAreNamed() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("bad.gguf")
    let copy = try Copy("mixtral", "llama")
    try copy.write(to: path)
    let file = try GGUFFile(path: path)
    let writer = try GGUFWriter(
      path: folder.path("flat.gguf"), metadata: file.entries,
      tensors: file.tensors.map {
        let isExperts = $0.name == "blk.1.ffn_up_exps.weight"
        return .init(
          name: $0.name, type: $0.type,
          shape: isExperts ? try Shape(checking: [$0.rows, $0.columns]) : $0.shape)
      })
    for tensor in file.tensors {
      try writer.write(tensor.name, floats: tensor.floats(rows: 0..<tensor.rows))
    }
    try writer.commit()
    let error = #expect(throws: CheckpointError.self) {
      try Model.load(gguf: GGUFFile(path: folder.path("flat.gguf")))
    }
    #expect("\(error.map { "\($0)" } ?? "")".contains("3 dimensions"))
    // Fewer experts than the metadata says.
    var fewer = copy
    fewer.metadata["llama.expert_count"] = .unsigned(5, type: .u32)
    do {
      _ = try fewer.open(in: folder)
      Issue.record("opened")
    } catch {
      #expect("\(error)".contains("ffn_gate_inp.weight: expected shape [5, 32]"), "\(error)")
    }
  }
}
