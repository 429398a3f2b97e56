package import Checkpoints

/// Qwen 3 as a mixture of experts: small experts, many of them, in all blocks but those that a file lists as dense.
///
/// A. Yang et al., arXiv 2505.09388.
package enum Qwen3MoE: Architecture {
  package static let modelTypes = ["qwen3_moe"]

  package static func configuration(from config: ConfigFile) throws -> ModelConfiguration {
    var configuration = try ModelConfiguration(common: config, headDimension: 128, mixes: true)
    if try config.optionalFlag("attention_bias") ?? false {
      configuration.biases.formUnion(BlockHalf.attention.gatedRoles)
    }
    try configuration.applyUpperWindows(config)
    let bounds = 1...ModelConfiguration.Bounds.intermediate
    // transformers 5 writes the count under Mixtral's name.
    let count = config.has("num_experts") ? "num_experts" : "num_local_experts"
    try configuration.readExperts(
      config, count: count, standard: 128, active: 8,
      intermediate: try config.optionalInteger("moe_intermediate_size", in: bounds) ?? 768)
    let blocks = 0...ModelConfiguration.Bounds.blocks
    let dense = Set(try config.integers("mlp_only_layers", in: blocks))
    let step = try config.optionalInteger("decoder_sparse_step", in: 1...blocks.upperBound) ?? 1
    configuration.particulars["dense"] = (0..<configuration.blocks).map {
      dense.contains($0) || ($0 + 1) % step != 0 ? 1 : 0
    }
    // transformers leaves the weights of the chosen experts as they are without it.
    let isNormalized = try config.optionalFlag("norm_topk_prob") ?? false
    configuration.particulars["norm_topk_prob"] = [isNormalized ? 1 : 0]
    return configuration
  }

  package static func block(_ configuration: ModelConfiguration, _ index: Int) -> BlockPlan {
    var plan = BlockPlan.gated(configuration, index)
    let prefix = "model.layers.\(index)."
    plan.normalizeHeads(prefix: prefix)
    guard configuration.particulars["dense"]?[index] == 0 else { return plan }
    let isNormalized = configuration.particulars["norm_topk_prob"]?.first == 1
    plan.mix(
      configuration.experts(isNormalized ? .softmaxOfChosen : .softmaxOfAll),
      intermediate: configuration.expertWidth, router: prefix + "mlp.gate"
    ) { number, kind in
      let name = Projection(kind).rawValue
      return "\(prefix)mlp.experts.\(number).\(name)_proj"
    }
    return plan
  }
}
