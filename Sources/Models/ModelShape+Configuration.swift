package import Checkpoints
import Platform

/// The shape of a model that need not be one this program can run: enough of `config.json` to plan for it.
extension ModelShape {
  private typealias Bounds = ModelConfiguration.Bounds

  /// Reads the shape of a decoder-only model with dense, gated feed-forward layers.
  ///
  /// An architecture that is known is read as when it is loaded; of others the fields that Hugging Face's files have in
  /// common: sizes, `sliding_window` with `layer_types` or `sliding_window_pattern`, `num_kv_shared_layers` (the last
  /// blocks read the cache of the last one of their kind that keeps one), `use_cla` with `cla_share_factor`
  /// (each run of so many blocks reads the cache of its first).
  ///
  /// - Throws: `CheckpointError` and `ModelError` with file, field, expected and found.
  package init(planningFor file: ConfigFile) throws {
    let config = try file.optionalObject("text_config") ?? file
    let isShared =
      try config.optionalInteger("num_kv_shared_layers", in: 0...Bounds.blocks) ?? 0 > 0
      || config.optionalFlag("use_cla") ?? false
    let type =
      try config.optionalText("model_type") ?? file.optionalText("model_type") ?? "unknown"
    if !isShared, let known = Architectures.named(type) {
      self = try known.configuration(from: config).shape
      return
    }
    try Self.refuseForeign(config)
    let hidden = try config.integer("hidden_size", in: 1...Bounds.hidden)
    let heads = try config.integer("num_attention_heads", in: 1...Bounds.heads)
    let blocks = try config.integer("num_hidden_layers", in: 1...Bounds.blocks)
    let windows = try Self.windows(config, type: type, blocks: blocks)
    let isUniform = Set(windows).count <= 1
    self.init(
      architecture: type, blocks: blocks, hiddenSize: hidden,
      intermediateSize: try config.integer("intermediate_size", in: 1...Bounds.intermediate),
      heads: heads,
      kvHeads: try config.optionalInteger("num_key_value_heads", in: 1...Bounds.heads) ?? heads,
      headDimension: try config.optionalInteger("head_dim", in: 1...Bounds.headDimension)
        ?? max(1, hidden / heads),
      vocabularySize: try config.integer("vocab_size", in: 1...Bounds.vocabulary),
      context: try config.integer("max_position_embeddings", in: 1...Bounds.context),
      tiedEmbeddings: try config.optionalFlag("tie_word_embeddings") ?? type.hasPrefix("gemma"),
      slidingWindow: isUniform ? windows.first ?? 0 : 0, windows: isUniform ? nil : windows,
      cacheOwners: try Self.owners(config, windows: windows))
  }

  /// Names what would make the sums wrong.
  private static func refuseForeign(_ config: ConfigFile) throws {
    for (field, words, known) in [
      ("kv_lora_rank", "latent attention", "known are caches of keys and values"),
      ("num_local_experts", "a mixture of experts", "known are dense feed-forward layers"),
      ("num_experts", "a mixture of experts", "known are dense feed-forward layers"),
      ("n_routed_experts", "a mixture of experts", "known are dense feed-forward layers"),
    ] where try config.optionalInteger(field, in: 0...Int.max) ?? 0 > 1 {
      throw ModelError.unsupported(
        file: config.path, field: field, found: words, known: "a plan cannot be made; " + known)
    }
  }

  private static func windows(_ config: ConfigFile, type: String, blocks: Int) throws -> [Int] {
    let window = try config.optionalInteger("sliding_window", in: 1...Bounds.context) ?? 0
    let types = try config.texts("layer_types")
    if !types.isEmpty {
      guard types.count == blocks else {
        throw config.mismatch(
          "layer_types", "one for each of \(blocks) blocks", config.root["layer_types"])
      }
      guard window > 0 || types.allSatisfy({ $0 == "full_attention" }) else {
        throw config.mismatch(
          "sliding_window", "the window of the blocks that layer_types names",
          config.root["sliding_window"])
      }
      return types.map { $0 == "full_attention" ? 0 : window }
    }
    // Gemma 2 and 3 wrote no list at first: every second, every sixth block sees all.
    let standard = type.hasPrefix("gemma2") ? 2 : type.hasPrefix("gemma3") ? 6 : 0
    let pattern =
      try config.optionalInteger("sliding_window_pattern", in: 1...Bounds.blocks) ?? standard
    return (0..<blocks).map { pattern > 0 && ($0 + 1) % pattern == 0 ? 0 : window }
  }

  private static func owners(_ config: ConfigFile, windows: [Int]) throws -> [Int]? {
    let blocks = windows.count
    if try config.optionalFlag("use_cla") ?? false {
      let factor = try config.integer("cla_share_factor", in: 1...Bounds.blocks)
      return (0..<blocks).map { $0 - $0 % factor }
    }
    let shared = try config.optionalInteger("num_kv_shared_layers", in: 0...Bounds.blocks) ?? 0
    guard shared > 0 else { return nil }
    let keeping = blocks - shared
    guard keeping > 0 else {
      throw config.mismatch(
        "num_kv_shared_layers", "less than num_hidden_layers (\(blocks))",
        config.root["num_kv_shared_layers"])
    }
    return (0..<blocks).map { block in
      guard block >= keeping else { return block }
      return (0..<keeping).last { windows[$0] == windows[block] } ?? keeping - 1
    }
  }
}
