package import Checkpoints
import Platform

/// SmolLM 3: a Llama in which every fourth block does not turn queries and keys with the position.
///
/// Bakouch et al., huggingface.co/blog/smollm3; B. Yang et al., "RoPE to NoPE and back again", arXiv 2501.18795.
package enum SmolLM3: Architecture {
  package static let modelTypes = ["smollm3"]

  /// 1 for the blocks that turn, as the files have it.
  private static let rotating = "no_rope_layers"

  package static func configuration(from config: ConfigFile) throws -> ModelConfiguration {
    var configuration = try ModelConfiguration(common: config, rotaryBase: 2_000_000)
    configuration.tiedEmbeddings = try config.optionalFlag("tie_word_embeddings") ?? true
    if try config.optionalFlag("attention_bias") ?? false {
      configuration.biases.formUnion(BlockHalf.attention.gatedRoles)
    }
    if try config.optionalFlag("mlp_bias") ?? false {
      configuration.biases.formUnion(BlockHalf.feedForward.gatedRoles)
    }
    let flags = try rotatingBlocks(config, blocks: configuration.blocks)
    configuration.particulars[rotating] = flags.map { $0 ? 1 : 0 }
    if try config.optionalFlag("use_sliding_window") ?? false,
      let window = try config.optionalInteger(
        "sliding_window", in: 1...ModelConfiguration.Bounds.context)
    {
      let named = config.has("layer_types")
      configuration.windows = flags.map { named || !$0 ? window : 0 }
    }
    try configuration.applyLayerTypes(config)
    return configuration
  }

  private static func rotatingBlocks(_ config: ConfigFile, blocks: Int) throws -> [Bool] {
    if config.has(rotating) {
      let listed = try config.integers(rotating, in: 0...1)
      guard listed.count >= blocks else {
        throw config.mismatch(
          rotating, "one for each of \(blocks) blocks", config.root[rotating])
      }
      return listed.prefix(blocks).map { $0 == 1 }
    }
    let interval =
      try config.optionalInteger(
        "no_rope_layer_interval", in: 1...ModelConfiguration.Bounds.blocks) ?? 4
    return (0..<blocks).map { ($0 + 1) % interval != 0 }
  }

  package static func block(_ configuration: ModelConfiguration, _ index: Int) -> BlockPlan {
    var plan = BlockPlan.gated(configuration, index)
    if configuration.particulars[rotating]?[index] == 0 { plan.attention.rotation = nil }
    return plan
  }
}
