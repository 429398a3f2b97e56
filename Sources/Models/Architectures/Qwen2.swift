package import Checkpoints
import Platform

/// Qwen 2 and 2.5: a Llama with biases on q, k and v, and windows in the upper blocks if asked for.
///
/// A. Yang et al., arXiv 2407.10671.
package enum Qwen2: Architecture {
  package static let modelTypes = ["qwen2"]

  package static func configuration(from config: ConfigFile) throws -> ModelConfiguration {
    var configuration = try ModelConfiguration(common: config)
    configuration.biases = [.q, .k, .v]
    try configuration.applyUpperWindows(config)
    return configuration
  }
}

extension ModelConfiguration {
  /// Sets the windows as Qwen's files say them: blocks from `max_window_layers` on, when
  /// `use_sliding_window` is set, unless `layer_types` says which.
  mutating func applyUpperWindows(_ config: ConfigFile) throws {
    if try config.optionalFlag("use_sliding_window") ?? false {
      let window = try config.optionalInteger("sliding_window", in: 1...Bounds.context) ?? 0
      let first = try config.optionalInteger("max_window_layers", in: 0...Bounds.blocks) ?? 28
      let named = config.has("layer_types")
      windows = windows.indices.map { named || $0 >= first ? window : 0 }
    }
    try applyLayerTypes(config)
  }

  /// Takes the window from blocks that `layer_types` calls `full_attention`.
  ///
  /// - Throws: `CheckpointError` for another number of blocks, a kind of layer that is not known, or
  ///   a window that is named but not given.
  mutating func applyLayerTypes(_ config: ConfigFile) throws {
    guard config.has("layer_types") else { return }
    let types = try config.texts("layer_types")
    guard types.count == blocks else {
      throw config.mismatch(
        "layer_types", "one for each of \(blocks) blocks", config.root["layer_types"])
    }
    for (index, type) in types.enumerated() {
      switch type {
      case "full_attention":
        windows[index] = 0
      case "sliding_attention":
        guard windows[index] > 0 else {
          throw config.mismatch(
            "sliding_window", "the window of block \(index), which layer_types calls \(type)",
            config.root["sliding_window"])
        }
      default:
        throw ModelError.unsupported(
          file: config.path, field: "layer_types[\(index)]", found: "\"\(type.prefix(40))\"",
          known: "known are full_attention, sliding_attention")
      }
    }
  }
}
