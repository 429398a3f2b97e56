package import Checkpoints

/// Granite 3: a Llama whose embeddings, attention scores, additions to the residual stream and logits are each multiplied
/// by a number of its own.
///
/// IBM Granite Team, "Granite 3.0 Language Models", 2024; the multipliers follow G. Yang et al., arXiv 2203.03466.
package enum Granite: Architecture {
  package static let modelTypes = ["granite"]

  /// The multipliers as `config.json` calls them; the last divides.
  private static let multipliers = [
    "embedding_multiplier", "attention_multiplier", "residual_multiplier", "logits_scaling",
  ]

  package static func configuration(from config: ConfigFile) throws -> ModelConfiguration {
    var configuration = try ModelConfiguration(common: config)
    if try config.optionalFlag("attention_bias") ?? false {
      configuration.biases.formUnion(BlockHalf.attention.gatedRoles)
    }
    if try config.optionalFlag("mlp_bias") ?? false {
      configuration.biases.formUnion(BlockHalf.feedForward.gatedRoles)
    }
    for field in multipliers {
      configuration.particulars[field] = [
        try config.optionalNumber(field, in: 1e-6...1e6) ?? 1
      ]
    }
    return configuration
  }

  private static func multiplier(_ field: String, _ configuration: ModelConfiguration) -> Float {
    Float(configuration.particulars[field]?.first ?? 1)
  }

  package static func block(_ configuration: ModelConfiguration, _ index: Int) -> BlockPlan {
    var plan = BlockPlan.gated(configuration, index)
    plan.attention.scale = multiplier("attention_multiplier", configuration)
    plan.residualMultiplier = multiplier("residual_multiplier", configuration)
    return plan
  }

  package static func frame(_ configuration: ModelConfiguration) -> FramePlan {
    var frame = FramePlan.usual(configuration)
    frame.embeddingMultiplier = multiplier("embedding_multiplier", configuration)
    frame.logitMultiplier = 1 / multiplier("logits_scaling", configuration)
    return frame
  }
}
