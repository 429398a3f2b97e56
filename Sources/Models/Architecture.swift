package import Checkpoints

/// A family of decoder-only models: how its configuration is read, and what its blocks and what stands around them are.
///
/// To add one: a file in `Architectures/`, a line in `Architectures.all`. What is not said otherwise is as in Llama.
package protocol Architecture: Sendable {
  /// The values of `model_type` in `config.json`.
  static var modelTypes: [String] { get }

  /// Reads `config.json`.
  ///
  /// - Throws: `CheckpointError` and `ModelError` with file, field, expected and found.
  static func configuration(from config: ConfigFile) throws -> ModelConfiguration

  /// Block `index` of a model: all that is asked of it later, from tensor names to where scale may move.
  static func block(_ configuration: ModelConfiguration, _ index: Int) -> BlockPlan

  /// Embedding, last norm and head.
  static func frame(_ configuration: ModelConfiguration) -> FramePlan

  /// Whether its models are lost in a text that does not begin with BOS, so that every window of a text gets one.
  static var needsBegin: Bool { get }
}

extension Architecture {
  package static func block(_ configuration: ModelConfiguration, _ index: Int) -> BlockPlan {
    .gated(configuration, index)
  }

  package static func frame(_ configuration: ModelConfiguration) -> FramePlan {
    .usual(configuration)
  }

  package static var needsBegin: Bool { false }
}

/// Every architecture that can be run.
package enum Architectures {
  /// One line an architecture.
  package static let all: [any Architecture.Type] = [
    Llama.self,
    Qwen2.self,
    Qwen3.self,
    SmolLM3.self,
    Gemma2.self,
    Gemma3.self,
    OLMo2.self,
    Granite.self,
    Phi3.self,
    GPT2.self,
    OPT.self,
    Mixtral.self,
    Qwen3MoE.self,
    GPTOSS.self,
  ]

  /// Every known `model_type`.
  package static var modelTypes: [String] { all.flatMap { $0.modelTypes } }

  /// The architecture of a `model_type`; nil for an unknown one.
  package static func named(_ modelType: String) -> (any Architecture.Type)? {
    all.first { $0.modelTypes.contains(modelType) }
  }

  /// The architecture that `config.json` asks for.
  ///
  /// - Throws: `ModelError.unknownArchitecture`, which lists the known.
  package static func find(_ config: ConfigFile) throws -> any Architecture.Type {
    let found = try config.text("model_type")
    guard let architecture = named(found) else {
      throw ModelError.unknownArchitecture(
        file: config.path,
        found: "\"\(found.prefix(60))\"" + (try NearestArchitecture(config)?.words ?? ""),
        known: modelTypes)
    }
    return architecture
  }
}
