package import Checkpoints

/// Qwen 3: each head of queries and keys has a norm, and the head dimension stands for itself.
///
/// A. Yang et al., arXiv 2505.09388.
package enum Qwen3: Architecture {
  package static let modelTypes = ["qwen3"]

  package static func configuration(from config: ConfigFile) throws -> ModelConfiguration {
    // The file that leaves it out means 128, whatever the hidden size.
    var configuration = try ModelConfiguration(common: config, headDimension: 128)
    if try config.optionalFlag("attention_bias") ?? false {
      configuration.biases.formUnion([.q, .k, .v, .o])
    }
    try configuration.applyUpperWindows(config)
    return configuration
  }

  package static func block(_ configuration: ModelConfiguration, _ index: Int) -> BlockPlan {
    var plan = BlockPlan.gated(configuration, index)
    plan.normalizeHeads(prefix: "model.layers.\(index).")
    return plan
  }
}
