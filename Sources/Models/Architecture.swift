package import Checkpoints

/// A family of decoder-only models: how its configuration is read, what its tensors are called, and
/// between which layers scale can be moved.
///
/// To add one: a file in `Architectures/`, a line in `Architectures.all`.
package protocol Architecture: Sendable {
  /// The values of `model_type` in `config.json`.
  static var modelTypes: [String] { get }
  static var tensorNames: TensorNames { get }

  /// Reads `config.json`.
  ///
  /// - Throws: `CheckpointError` and `ModelError` with file, field, expected and found.
  static func configuration(from config: ConfigFile) throws -> ModelConfiguration

  /// Where scale may move from one tensor to the next without changing what the block computes.
  static func scalePairs(_ configuration: ModelConfiguration) -> [ScalePair]
}

extension Architecture {
  package static func scalePairs(_ configuration: ModelConfiguration) -> [ScalePair] {
    ScalePair.gated(configuration)
  }
}

/// Every architecture that can be run.
package enum Architectures {
  /// One line an architecture.
  package static let all: [any Architecture.Type] = [
    Llama.self,
    Qwen2.self,
    Qwen3.self,
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
        file: config.path, found: "\"\(found.prefix(60))\"", known: modelTypes)
    }
    return architecture
  }
}
