package import Checkpoints

/// Qwen 3: each head of queries and keys has a norm, and the head dimension stands for itself.
///
/// A. Yang et al., arXiv 2505.09388.
package enum Qwen3: Architecture {
  package static let modelTypes = ["qwen3"]

  package static let tensorNames: TensorNames = {
    var names = Llama.tensorNames
    names.queryNorm = "self_attn.q_norm.weight"
    names.keyNorm = "self_attn.k_norm.weight"
    return names
  }()

  package static func configuration(from config: ConfigFile) throws -> ModelConfiguration {
    // The file that leaves it out means 128, whatever the hidden size.
    var configuration = try ModelConfiguration(common: config, headDimension: 128)
    configuration.hasHeadNorms = true
    if try config.optionalFlag("attention_bias") ?? false {
      configuration.biases.formUnion([.q, .k, .v, .o])
    }
    try configuration.applyUpperWindows(config)
    return configuration
  }
}
