import Platform
package import Tensors

/// How the layers of a quantized Hugging Face checkpoint are stored: one reader for what `quant_method` says.
///
/// A reader gives each layer as a weight that kernels know where such a weight holds it exactly, else as one that is
/// decoded, whose format says what it is stored as. What is in the file decides; where the configuration says something else,
/// that is refused by name.
///
/// To add one: a file in `Layouts/`, a line in `QuantizedLayouts.all`.
package protocol QuantizedLayout: Sendable {
  /// The `quant_method`s it reads.
  static var methods: [String] { get }

  /// - Parameter config: `config.json`, whose `quantization_config` says how layers are stored.
  /// - Throws: `CheckpointError` naming field, expected and found.
  init(_ checkpoint: Checkpoint, config: ConfigFile) throws

  /// The names a loader asks for: what a layer is stored as counts as its `.weight`.
  var names: [String] { get }

  /// Whether a tensor, or a layer's weight, of this name is there.
  func has(_ name: String) -> Bool

  /// The weight of a layer, nil where it is stored as floating-point numbers; `name` ends in `.weight`.
  ///
  /// - Throws: `CheckpointError` naming tensor, expected and found.
  func weight(_ name: String, rows: Int, columns: Int) throws -> (any LinearWeight)?

  /// What the inputs of a layer, named without `.weight`, are turned into; nil where they stay as they are.
  ///
  /// - Throws: `CheckpointError` for a scale or zero point that is missing or out of bounds.
  func activation(of layer: String) throws -> ActivationFormat?

  /// The scale of what a layer, that of keys or that of values named without `.weight`, leaves in an FP8 cache; nil for none.
  ///
  /// - Throws: `CheckpointError` for one that is no positive number.
  func cacheScale(of layer: String) throws -> Float?

  /// What the file says and nothing here does, a sentence each.
  var notices: [String] { get }
}

extension QuantizedLayout {
  package func activation(of layer: String) throws -> ActivationFormat? { nil }
  package func cacheScale(of layer: String) throws -> Float? { nil }
  package var notices: [String] { [] }
}

/// Every layout that quantized checkpoints are read in.
package enum QuantizedLayouts {
  package static let all: [any QuantizedLayout.Type] = [
    CompressedTensorsReader.self, GPTQLayout.self, AWQLayout.self, BlockFloat8Layout.self,
    BitsAndBytesLayout.self, MXFP4ExpertsLayout.self,
  ]

  /// The layout of a `quant_method`, nil for none that is known.
  package static func named(_ method: String) -> (any QuantizedLayout.Type)? {
    all.first { $0.methods.contains(method.lowercased()) }
  }

  /// Files in which older tools say what newer ones write into `config.json`, with their method.
  private static let olderFiles = [
    (name: "quantize_config.json", method: "gptq"), (name: "quant_config.json", method: "awq"),
  ]

  /// The configuration of a model's directory with what an older file next to it says of its quantization.
  ///
  /// - Throws: `CheckpointError` for such a file that cannot be read.
  package static func completed(
    _ config: ConfigFile, in directory: ModelDirectory
  ) throws(CheckpointError) -> ConfigFile {
    guard !config.has("quantization_config") else { return config }
    for file in olderFiles where directory.has(file.name) {
      var own = try ConfigFile(path: directory.path(of: file.name)).root
      if own["quant_method"]?.string == nil { own.set("quant_method", .string(file.method)) }
      return config.read(standards: ["quantization_config": .object(own)])
    }
    return config
  }

  /// The layout of a checkpoint whose configuration has a `quantization_config`; nil where it has none.
  ///
  /// - Throws: `CheckpointError.unsupported` for a method that is not read, by its name; what the layout throws.
  package static func open(
    _ checkpoint: Checkpoint, config: ConfigFile
  ) throws -> (any QuantizedLayout)? {
    guard let own = try config.optionalObject("quantization_config") else { return nil }
    let method = try own.optionalText("quant_method") ?? inferredMethod(own)
    guard let method, let layout = named(method) else {
      throw CheckpointError.unsupported(
        file: config.path, item: "quantization_config.quant_method",
        found: method.map { "\"\($0.prefix(40))\"" } ?? "a method without a name",
        known: "known are " + all.flatMap { $0.methods }.joined(separator: ", "))
    }
    return try layout.init(checkpoint, config: config)
  }

  /// The first versions of bitsandbytes and of compressed-tensors gave no name.
  private static func inferredMethod(_ own: ConfigFile) -> String? {
    if own.has("load_in_8bit") || own.has("load_in_4bit") { return "bitsandbytes" }
    return own.has("config_groups") ? CompressedTensors.name : nil
  }
}
