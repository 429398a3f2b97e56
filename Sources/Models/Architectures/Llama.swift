package import Checkpoints
import Platform

/// Llama 2 and 3, and Mistral, which is a Llama whose attention looks back on a window.
///
/// H. Touvron et al., arXiv 2307.09288; A. Jiang et al., arXiv 2310.06825.
package enum Llama: Architecture {
  package static let modelTypes = ["llama", "mistral"]

  package static func configuration(from config: ConfigFile) throws -> ModelConfiguration {
    var configuration = try ModelConfiguration(common: config)
    if configuration.modelType == "mistral" {
      // Null is no window; a file that does not speak of it means the first Mistral's.
      let window =
        config.root["sliding_window"] == .null
        ? 0
        : try config.optionalInteger("sliding_window", in: 1...ModelConfiguration.Bounds.context)
          ?? 4096
      configuration.windows = configuration.windows.map { _ in window }
    } else {
      if try config.optionalFlag("attention_bias") ?? false {
        configuration.biases.formUnion([.q, .k, .v, .o])
      }
      if try config.optionalFlag("mlp_bias") ?? false {
        configuration.biases.formUnion([.gate, .up, .down])
      }
    }
    try configuration.applyLayerTypes(config)
    return configuration
  }
}
