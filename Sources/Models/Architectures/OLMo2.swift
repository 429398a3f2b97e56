package import Checkpoints

/// OLMo 2: norms over what each half adds to the residual stream and none in front of it, and one norm over all heads of
/// the queries and one over those of the keys.
///
/// Team OLMo, arXiv 2501.00656.
package enum OLMo2: Architecture {
  package static let modelTypes = ["olmo2"]

  package static func configuration(from config: ConfigFile) throws -> ModelConfiguration {
    var configuration = try ModelConfiguration(common: config)
    if try config.optionalFlag("attention_bias") ?? false {
      configuration.biases.formUnion(BlockHalf.attention.gatedRoles)
    }
    return configuration
  }

  package static func block(_ configuration: ModelConfiguration, _ index: Int) -> BlockPlan {
    var plan = BlockPlan.gated(configuration, index)
    let prefix = "model.layers.\(index)."
    plan.norms = [
      .attentionOutput: NormPlan(
        width: plan.hidden, name: prefix + "post_attention_layernorm.weight"),
      .feedForwardOutput: NormPlan(
        width: plan.hidden, name: prefix + "post_feedforward_layernorm.weight"),
      .query: NormPlan(
        width: plan.attention.heads * plan.attention.headDimension,
        name: prefix + "self_attn.q_norm.weight"),
      .key: NormPlan(
        width: plan.attention.kvHeads * plan.attention.headDimension,
        name: prefix + "self_attn.k_norm.weight"),
    ]
    return plan
  }
}
