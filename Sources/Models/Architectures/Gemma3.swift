package import Checkpoints
import Glibc
import Operators
import Platform

/// The text model of Gemma 3: gains about 1, norms before and after each half and over heads, a GELU gate, windows in all
/// but every sixth block, which alone turn by the slow rotary embedding, and embeddings times the root of their size.
///
/// Gemma Team, arXiv 2503.19786.
package enum Gemma3: Architecture {
  package static let modelTypes = ["gemma3_text"]
  package static let needsBegin = true

  private typealias Bounds = ModelConfiguration.Bounds

  /// What files leave out that hold a text model inside another one.
  private static let standards: [String: JSONValue] = [
    "num_attention_heads": .number(JSONNumber(8)), "num_key_value_heads": .number(JSONNumber(4)),
    "vocab_size": .number(JSONNumber(262_208)),
    "max_position_embeddings": .number(JSONNumber(131_072)),
  ]

  package static func configuration(from file: ConfigFile) throws -> ModelConfiguration {
    let config = file.read(standards: standards)
    var configuration = try ModelConfiguration(
      common: config, headDimension: 256, activations: ["gelu_pytorch_tanh": .geluTanh],
      rotaryBase: 1_000_000)
    configuration.tiedEmbeddings = try config.optionalFlag("tie_word_embeddings") ?? true
    if try config.optionalFlag("attention_bias") ?? false {
      configuration.biases.formUnion(BlockHalf.attention.gatedRoles)
    }
    if try config.optionalFlag("use_bidirectional_attention") ?? false {
      throw ModelError.unsupported(
        file: config.path, field: "use_bidirectional_attention", found: "attention both ways",
        known: "known is attention to what came before")
    }
    let window = try config.optionalInteger("sliding_window", in: 1...Bounds.context) ?? 4096
    let pattern =
      try config.optionalInteger("sliding_window_pattern", in: 1...Bounds.blocks) ?? 6
    let named = config.has("layer_types")
    configuration.windows = (0..<configuration.blocks).map {
      named || ($0 + 1) % pattern != 0 ? window : 0
    }
    try configuration.applyLayerTypes(config)
    try readRotations(config, &configuration)
    let standards: [(field: String, value: Double?)] = [
      ("query_pre_attn_scalar", 256), ("attn_logit_softcapping", nil),
      ("final_logit_softcapping", nil),
    ]
    for (field, standard) in standards {
      let found = try config.optionalNumber(field, in: 1e-6...1e6) ?? standard
      configuration.particulars[field] = found.map { [$0] }
    }
    return configuration
  }

  /// The global embedding, and that of blocks with a window; newer files nest both in `rope_parameters`.
  private static func readRotations(
    _ config: ConfigFile, _ configuration: inout ModelConfiguration
  ) throws {
    var local = try config.optionalNumber("rope_local_base_freq", in: 1...1e12) ?? 10_000
    if let parameters = try config.optionalObject("rope_parameters") {
      if let object = try parameters.optionalObject("full_attention") {
        configuration.rotary = try RotaryEmbedding(
          from: object, field: "rope_parameters.full_attention", context: configuration.context,
          base: 1_000_000)
      }
      if let object = try parameters.optionalObject("sliding_attention") {
        local = try object.optionalNumber("rope_theta", in: 1...1e12) ?? local
        let type = try object.optionalText("rope_type") ?? "default"
        guard type == "default" else {
          throw ModelError.unsupported(
            file: config.path, field: "rope_parameters.sliding_attention.rope_type",
            found: "\"\(type.prefix(40))\"", known: "known is default")
        }
      }
    }
    configuration.particulars["rope_local_base_freq"] = [local]
  }

  package static func block(_ configuration: ModelConfiguration, _ index: Int) -> BlockPlan {
    var plan = BlockPlan.gated(configuration, index)
    let prefix = "model.layers.\(index)."
    for (place, name) in [
      (BlockNorm.attention, "input_layernorm"), (.attentionOutput, "post_attention_layernorm"),
      (.feedForward, "pre_feedforward_layernorm"),
      (.feedForwardOutput, "post_feedforward_layernorm"),
    ] {
      plan[place] = NormPlan(
        width: configuration.hiddenSize, offset: 1, name: "\(prefix)\(name).weight")
    }
    plan.normalizeHeads(prefix: prefix, offset: 1)
    plan.feedForward.activation = configuration.activation
    let particulars = configuration.particulars
    if let scalar = particulars["query_pre_attn_scalar"]?.first {
      plan.attention.scale = Float(pow(scalar, -0.5))
    }
    plan.attention.softCap = particulars["attn_logit_softcapping"]?.first.map { Float($0) }
    if configuration.windows[index] > 0, let local = particulars["rope_local_base_freq"]?.first {
      plan.attention.rotation?.embedding = RotaryEmbedding(base: local)
    }
    return plan
  }

  package static func frame(_ configuration: ModelConfiguration) -> FramePlan {
    var frame = FramePlan.usual(configuration)
    frame.finalNorm.offset = 1
    frame.embeddingMultiplier = Float(Double(configuration.hiddenSize).squareRoot())
    frame.roundsEmbeddingMultiplier = true
    frame.logitSoftCap = configuration.particulars["final_logit_softcapping"]?.first.map {
      Float($0)
    }
    return frame
  }
}
