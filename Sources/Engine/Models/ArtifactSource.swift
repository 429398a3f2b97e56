import Checkpoints
import FoundationEssentials
import Models
import Platform
import Tensors
import Tokenizers

/// What an artifact takes over from the model it was made from: its configuration, its other tensors, its tokenizer's files.
struct ArtifactSource {
  /// As Hugging Face names them.
  let names: [String]
  let config: JSONObject
  /// Paths of files that are copied.
  let companions: [String]
  /// Files that are made of a GGUF file's metadata.
  let files: [(name: String, text: String)]
  /// What could not be taken over, a sentence each.
  let notices: [String]
  private let holder: Holder

  private enum Holder {
    case checkpoint(Checkpoint, TensorNaming?)
    case gguf(GGUFSource)
  }

  /// - Throws: `CheckpointError` for files that cannot be read.
  init(_ stored: StoredModel, _ frame: FramePlan) throws {
    switch stored {
    case .directory(let directory):
      let checkpoint = try Checkpoint(path: directory.path)
      let config = try QuantizedLayouts.completed(stored.config(), in: directory)
      // What layers are stored as is told anew; their parts are none of the other tensors.
      let stored =
        try QuantizedLayouts.open(checkpoint, config: config)?.names
        ?? checkpoint.tensors.map(\.name)
      let naming = TensorNaming(frame) { checkpoint[$0] != nil }
      names = stored.map { naming?.named($0) ?? $0 }
      self.config = Self.unquantized(config.root)
      holder = .checkpoint(checkpoint, naming)
      companions = [
        "tokenizer.json", "tokenizer.model", "tokenizer_config.json", "special_tokens_map.json",
        "generation_config.json", "chat_template.jinja", "added_tokens.json",
      ].filter(directory.has).map(directory.path(of:))
      (files, notices) = ([], [])
    case .gguf(let file):
      config = try Self.config(of: file)
      let source = try GGUFSource(file)
      names = source.names
      holder = .gguf(source)
      companions = []
      (files, notices) = try Self.tokenizer(of: file)
    }
  }

  /// A configuration without what it says of how layers are stored, and who made that.
  private static func unquantized(_ config: JSONObject) -> JSONObject {
    var config = config
    for field in ["quantization_config", "compression_config", "nibble"] { config.remove(field) }
    return config
  }

  /// The tokenizer that the metadata describes, as files; where it cannot be run there are none, and the reason is told.
  private static func tokenizer(
    of file: GGUFFile
  ) throws -> (files: [(name: String, text: String)], notices: [String]) {
    do {
      let vocabulary = try file.vocabulary()
      return (
        [
          ("tokenizer.json", try vocabulary.tokenizerJSON()),
          ("tokenizer_config.json", vocabulary.tokenizerConfigJSON()),
        ], []
      )
    } catch let error where ModelOpener.isUnsupported(error) {
      return ([], ["The tokenizer is not among the files that are written: \(error)"])
    }
  }

  /// What Hugging Face's library calls the models of a `model_type`, by which runtimes choose.
  private static let classes = [
    "llama": "LlamaForCausalLM", "mixtral": "MixtralForCausalLM", "granite": "GraniteForCausalLM",
    "smollm3": "SmolLM3ForCausalLM", "qwen2": "Qwen2ForCausalLM", "qwen3": "Qwen3ForCausalLM",
    "qwen3_moe": "Qwen3MoeForCausalLM", "phi3": "Phi3ForCausalLM", "olmo2": "Olmo2ForCausalLM",
    "gemma2": "Gemma2ForCausalLM", "gemma3_text": "Gemma3ForCausalLM",
    "gpt_oss": "GptOssForCausalLM",
  ]

  /// What config.json says of a GGUF file, the rotary factors that only a tensor holds spelled out as Llama 3.1's scaling.
  ///
  /// - Throws: `EngineError.cannotExport` for factors that are another scaling.
  private static func config(of file: GGUFFile) throws -> JSONObject {
    var config = try file.configuration().root
    if let name = config["model_type"]?.string.flatMap({ classes[$0] }) {
      config.append("architectures", .array([.string(name)]))
    }
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

  /// A tensor as it is stored; one in blocks in the smallest type of floating-point numbers that holds what it stands for.
  ///
  /// - Throws: `CheckpointError` where there is none of this name.
  func view(_ name: String) throws -> TensorView {
    switch holder {
    case .checkpoint(let checkpoint, let naming):
      try checkpoint.view(naming?.stored(name) ?? name)
    case .gguf(let source):
      try source.type(of: name) == nil ? exact(source.tensor(name)) : source.tensor(name)
    }
  }

  private func exact(_ view: TensorView) throws -> TensorView {
    try .exact(view.floats(), shape: view.shape)
  }

  /// What the blocks of a tensor are called; nil for plain numbers.
  func blocks(of name: String) -> String? {
    guard case .gguf(let source) = holder, source.has(name), source.type(of: name) == nil else {
      return nil
    }
    return source.typeName(of: name)
  }

  /// Shape, type and bytes of a tensor as it is stored; nil for what is not there.
  func outline(of name: String) -> ArtifactOutline.Other? {
    switch holder {
    case .checkpoint(let checkpoint, let naming):
      checkpoint[naming?.stored(name) ?? name].map {
        ArtifactOutline.Other(shape: $0.shape, dtype: $0.dtype, bytes: $0.range.count)
      }
    case .gguf(let source):
      source.size(of: name).map {
        ArtifactOutline.Other(shape: $0.shape, dtype: source.type(of: name), bytes: $0.bytes)
      }
    }
  }

  /// Bytes of what stands next to the tensors: configuration, tokenizer, and of a GGUF file its metadata.
  var surroundingBytes: Int {
    let text =
      JSONValue.object(config).text().utf8.count + files.reduce(0) { $0 + $1.text.utf8.count }
    // One that cannot be opened ends the export that copies it.
    let copied = companions.reduce(0) { $0 + ((try? MappedFile(path: $1).byteCount) ?? 0) }
    guard case .gguf(let source) = holder else { return text + copied }
    return text + copied + (source.file.tensors.map(\.range.lowerBound).min() ?? 0)
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
