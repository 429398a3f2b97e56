package import Platform
package import Tensors

/// A quantized model as it is written: its linear layers in their formats, all else as the source has it.
package struct Artifact {
  /// One linear layer of a block, the head, or the embedding table.
  package struct Layer {
    /// The name in the checkpoint, without `.weight`.
    package var name: String
    package var weight: any LinearWeight
    package var activation: ActivationFormat
    /// Whether rows are looked up, not multiplied.
    package var isEmbedding: Bool

    package init(
      name: String, weight: any LinearWeight, activation: ActivationFormat,
      isEmbedding: Bool = false
    ) {
      self.name = name
      self.weight = weight
      self.activation = activation
      self.isEmbedding = isEmbedding
    }
  }

  /// `config.json` of the source.
  package var config: JSONObject
  package var layers: [Layer]
  /// Tensors that are kept as they are, by name.
  package var others: [(name: String, view: TensorView)]
  /// Files copied next to the weights, such as the tokenizer's.
  package var companions: [String]
  /// Files that are written next to the weights, by name: a tokenizer that was read from the metadata of a GGUF file.
  package var files: [(name: String, text: String)]
  /// What the program wants to find again, under its own key in `config.json`.
  package var notes: JSONObject

  package init(
    config: JSONObject, layers: [Layer], others: [(name: String, view: TensorView)],
    companions: [String], files: [(name: String, text: String)] = [], notes: JSONObject
  ) {
    self.config = config
    self.layers = layers
    self.others = others
    self.companions = companions
    self.files = files
    self.notes = notes
  }
}

/// A way to write a quantized model to disk.
///
/// To add one: a file in `Formats/`, a line in `ExportFormats.all`.
package protocol ExportFormat: Sendable {
  static var name: String { get }
  /// One sentence: who reads it.
  static var summary: String { get }

  /// Writes the files of an artifact into an open directory.
  ///
  /// - Throws: `CheckpointError` for what the format cannot hold or a file that cannot be written.
  static func write(_ artifact: Artifact, into directory: WholeDirectory) throws
}

/// Every format a quantized model can be written in.
package enum ExportFormats {
  package static let all: [any ExportFormat.Type] = [CompressedTensors.self]

  /// The format of a name, nil when there is none.
  package static func named(_ name: String) -> (any ExportFormat.Type)? {
    all.first { $0.name == name }
  }
}
