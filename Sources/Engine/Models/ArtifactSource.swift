import Checkpoints
import FoundationEssentials
import Models
import Platform
import Tensors

/// What an artifact takes over from the model it was made from: its configuration, its other tensors, its tokenizer's files.
struct ArtifactSource {
  /// As Hugging Face names them.
  let names: [String]
  let config: JSONObject
  /// Paths of files that are copied.
  let companions: [String]
  private let holder: Holder

  private enum Holder {
    case checkpoint(Checkpoint, TensorNaming?)
    case gguf(GGUFSource)
  }

  /// - Throws: `CheckpointError` for files that cannot be read.
  init(_ stored: StoredModel, _ frame: FramePlan) throws {
    switch stored {
    case .directory(let directory):
      config = try stored.config().root
      let checkpoint = try Checkpoint(path: directory.path)
      let naming = TensorNaming(frame) { checkpoint[$0] != nil }
      names = checkpoint.tensors.map { naming?.named($0.name) ?? $0.name }
      holder = .checkpoint(checkpoint, naming)
      companions = [
        "tokenizer.json", "tokenizer.model", "tokenizer_config.json", "special_tokens_map.json",
        "generation_config.json", "chat_template.jinja", "added_tokens.json",
      ].filter(directory.has).map(directory.path(of:))
    case .gguf(let file):
      config = try Self.config(of: file)
      let source = try GGUFSource(file)
      names = source.names
      holder = .gguf(source)
      companions = []
    }
  }

  /// What config.json says of a GGUF file, the rotary factors that only a tensor holds spelled out as Llama 3.1's scaling.
  ///
  /// - Throws: `EngineError.cannotExport` for factors that are another scaling.
  private static func config(of file: GGUFFile) throws -> JSONObject {
    var config = try file.configuration().root
    let configuration = try ModelConfiguration(file)
    guard case .divided(let factors) = configuration.rotary.scaling else { return config }
    let factor = Double(factors.max() ?? 1).rounded()
    let known = RotaryScaling.llama3(factor: factor, low: 1, high: 4, originalContext: 8192)
    let dimension = configuration.headDimension
    let (found, spelled) = (
      configuration.rotary.frequencies(headDimension: dimension),
      RotaryEmbedding(base: configuration.rotary.base, scaling: known)
        .frequencies(headDimension: dimension)
    )
    guard zip(found, spelled).allSatisfy({ ($0 - $1).magnitude <= 1e-4 * $1 }) else {
      throw EngineError.cannotExport(
        what: file.file.path,
        reason:
          "its rotary factors (\(GGUFFile.rotaryFactors)) are no scaling that config.json can say")
    }
    var scaling = JSONObject()
    scaling.append("rope_type", .string("llama3"))
    for (name, number) in [
      ("factor", factor), ("low_freq_factor", 1), ("high_freq_factor", 4),
      ("original_max_position_embeddings", 8192),
    ] { scaling.append(name, .number(JSONNumber(Int(number)))) }
    config.append("rope_scaling", .object(scaling))
    return config
  }

  /// A tensor as it is stored; one in blocks in float32.
  ///
  /// - Throws: `CheckpointError` where there is none of this name.
  func view(_ name: String) throws -> TensorView {
    switch holder {
    case .checkpoint(let checkpoint, let naming):
      try checkpoint.view(naming?.stored(name) ?? name)
    case .gguf(let source): try source.tensor(name)
    }
  }

  /// The type of a tensor of floating-point numbers; nil for blocks, and for what is not there.
  func type(of name: String) -> DType? {
    switch holder {
    case .checkpoint(let checkpoint, let naming):
      checkpoint[naming?.stored(name) ?? name]?.dtype
    case .gguf(let source): source.type(of: name)
    }
  }
}
