package import Checkpoints
import Glibc
import Operators
import Platform

/// Gemma 2: as Gemma 3, but scores and logits are capped, heads have no norms of their own, every second block looks back on
/// a window, and all blocks turn alike.
///
/// Gemma Team, arXiv 2408.00118.
package enum Gemma2: Architecture {
  package static let modelTypes = ["gemma2"]
  package static let needsBegin = true

  package static func configuration(from config: ConfigFile) throws -> ModelConfiguration {
    var configuration = try ModelConfiguration(
      common: config, headDimension: 256, activations: ["gelu_pytorch_tanh": .geluTanh])
    configuration.tiedEmbeddings = try config.optionalFlag("tie_word_embeddings") ?? true
    if try config.optionalFlag("attention_bias") ?? false {
      configuration.biases.formUnion(BlockHalf.attention.gatedRoles)
    }
    let window =
      try config.optionalInteger("sliding_window", in: 1...ModelConfiguration.Bounds.context)
      ?? 4096
    let named = config.has("layer_types")
    configuration.windows = (0..<configuration.blocks).map {
      named || $0 % 2 == 0 ? window : 0
    }
    try configuration.applyLayerTypes(config)
    let standards: [(field: String, value: Double)] = [
      ("query_pre_attn_scalar", 256), ("attn_logit_softcapping", 50),
      ("final_logit_softcapping", 30),
    ]
    for (field, standard) in standards {
      // Null is no cap.
      let isNull = config.root[field] == .null
      let found = try config.optionalNumber(field, in: 1e-6...1e6) ?? (isNull ? nil : standard)
      configuration.particulars[field] = found.map { [$0] }
    }
    return configuration
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
    plan.feedForward.activation = configuration.activation
    let particulars = configuration.particulars
    if let scalar = particulars["query_pre_attn_scalar"]?.first {
      plan.attention.scale = Float(pow(scalar, -0.5))
    }
    plan.attention.softCap = particulars["attn_logit_softcapping"]?.first.map { Float($0) }
    return plan
  }

  package static func frame(_ configuration: ModelConfiguration) -> FramePlan {
    Gemma3.frame(configuration)
  }
}
