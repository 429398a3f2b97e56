package import Platform

/// A way to write a quantized model to disk.
///
/// To add one: a file in `Formats/`, a line in `ExportFormats.all`.
package protocol ExportFormat: Sendable {
  static var name: String { get }
  /// One sentence: who reads it.
  static var summary: String { get }
  /// Variants that can be asked for after a colon: what all layers are turned into (`gguf:Q4_K`), a version of the format
  /// (`gptq:v2`); empty where there are none.
  static var types: [String] { get }
  /// Whether weights in blocks of a GGUF file are written as they are; otherwise they come as the numbers they stand for.
  static var keepsBlocks: Bool { get }
  /// Whether scales of an FP8 cache are written.
  static var holdsCacheScales: Bool { get }
  /// Whether layers that share a tensor of the checkpoint are put together again (Phi 3).
  static var joinsLayers: Bool { get }

  /// The format as it is without a type, or with one of `types`.
  init(type: String?)

  /// Why it cannot hold a model; nil where it can.
  func obstacle(_ outline: ArtifactOutline) -> ExportObstacle?

  /// Whether it can hold what surrounds the layers of a model: its family's constants, tokenizer, tensors by name.
  ///
  /// - Throws: `CheckpointError` or `TokenizerError` with what it cannot.
  func check(_ facts: ModelFacts, modelType: String, names: [String]) throws

  /// Bytes that the tensors of an artifact take in its files at the most, asked before there are any.
  func tensorBytes(_ outline: ArtifactOutline, others: [ArtifactOutline.Other]) -> Int

  /// Whether what it writes can be weighed by an importance matrix, and by this one.
  ///
  /// - Throws: `CheckpointError` with what it cannot, the layer and where.
  func check(
    _ importance: ImportanceMatrix, _ outline: ArtifactOutline, _ facts: ModelFacts
  ) throws

  /// Layers that are rounded as they are written, by what they become; empty where all go in as they are.
  ///
  /// - Parameter isWeighed: whether an importance matrix weighs the rounding.
  func roundings(_ outline: ArtifactOutline, isWeighed: Bool) -> [ExportRounding]

  /// Writes the files of an artifact into an open directory.
  ///
  /// - Parameter tell: is told what was lost on the way, a sentence at a time.
  /// - Throws: `CheckpointError` for what the format cannot hold or a file that cannot be written.
  func write(
    _ artifact: Artifact, into directory: WholeDirectory, telling tell: (String) -> Void
  ) throws
}

extension ExportFormat {
  package static var types: [String] { [] }
  package static var keepsBlocks: Bool { false }
  package static var joinsLayers: Bool { false }
  package static var holdsCacheScales: Bool { false }
  package func check(_ facts: ModelFacts, modelType: String, names: [String]) throws {}
  package func check(
    _ importance: ImportanceMatrix, _ outline: ArtifactOutline, _ facts: ModelFacts
  ) throws {
    throw CheckpointError.unsupported(
      file: importance.path, item: "importance matrix", found: "weighing \(Self.name)",
      known: ImportanceMatrix.weighed)
  }
}

/// Every format a quantized model can be written in.
package enum ExportFormats {
  package static let all: [any ExportFormat.Type] = [
    CompressedTensors.self, GPTQ.self, AWQ.self, GGUF.self, ONNX.self,
  ]

  /// The format of a name, with a type after a colon where it has some; nil when there is none.
  package static func named(_ name: String) -> (any ExportFormat)? {
    let parts = name.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard let format = all.first(where: { $0.name == parts[0] }) else { return nil }
    guard parts.count == 2 else { return format.init(type: nil) }
    let type = format.types.first { $0.lowercased() == parts[1].lowercased() }
    return type.map { format.init(type: $0) }
  }

  /// All names, each with its types, for messages: `gguf[:F16|Q4_0]`.
  package static var names: [String] {
    all.map { $0.types.isEmpty ? $0.name : "\($0.name)[:\($0.types.joined(separator: "|"))]" }
  }

  /// Each name that can be chosen, with its sentence.
  package static var choices: [(name: String, summary: String)] {
    all.flatMap { format in
      [(format.name, format.summary)]
        + format.types.map { ("\(format.name):\($0)", "\(format.summary): \($0)") }
    }
  }
}
