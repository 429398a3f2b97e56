import Checkpoints
import Models
import Operators
import Platform
import Quantization
import Tensors
import Tokenizers

/// Opens a directory that `quantize` wrote, in the `compressed-tensors` layout.
struct ArtifactReader {
  let directory: ModelDirectory
  let config: ConfigFile
  let configuration: ModelConfiguration

  /// Reads it by itself.
  func read() throws -> OpenedModel {
    let notes = try config.optionalObject("nibble")
    let source = QuantizedSource(
      try Checkpoint(path: directory.path), scheme: try CompressedTensorsScheme(config))
    let stored = try Model.load(configuration, from: source)
    let recipe = try ArtifactNotes.recipe(notes, path: config.path)
    var summary = try ModelSummary(stored, .directory(directory))
    summary.recipe = "\(recipe)"
    summary.planted = try notes?.optionalText("planted")
    summary.rotated = try notes?.optionalText("rotated")
    return OpenedModel(
      stored: .directory(directory), summary: summary, weights: stored,
      model: try activated(stored, by: source), recipe: recipe,
      cache: try recipe.cacheFormat(standard: .fp16), origin: try notes?.optionalText("source"))
  }

  /// The quantized layers set to the activations that the artifact says.
  private func activated(_ model: Model, by source: QuantizedSource) throws -> Model {
    var changed: [LinearID: Linear] = [:]
    for id in model.linears where !model[id].weight.format.isFloat {
      guard let activation = try source.activation(of: model[id].name) else { continue }
      changed[id] = try model[id].replacing(activation: activation)
    }
    let activated = try model.replacing(changed)
    guard !model.head.weight.format.isFloat else { return activated }
    let names = model.frame
    let name = model.configuration.tiedEmbeddings ? names.embedding : names.head
    guard let activation = try source.activation(of: LinearPlan.layer(of: name)) else {
      return activated
    }
    return try activated.replacing(
      embedding: model.embedding, head: model.head.replacing(activation: activation))
  }
}

/// The tensors of an artifact in the `compressed-tensors` layout.
private struct QuantizedSource: WeightSource {
  private let reader: CompressedTensorsReader
  private let dense: CheckpointSource

  init(_ checkpoint: Checkpoint, scheme: CompressedTensorsScheme) {
    reader = CompressedTensorsReader(checkpoint, scheme: scheme)
    dense = CheckpointSource(checkpoint)
  }

  var path: String { dense.path }
  var names: [String] { reader.names }
  func has(_ name: String) -> Bool { reader.has(name) }

  func tensor(_ name: String, shape: Shape) throws -> TensorView {
    try dense.tensor(name, shape: shape)
  }

  /// What the inputs of a layer are turned into; nil where they stay as they are.
  func activation(of layer: String) throws -> ActivationFormat? {
    try reader.activation(of: layer)
  }

  func weight(_ name: String, rows: Int, columns: Int) throws -> any LinearWeight {
    try reader.weight(name, rows: rows, columns: columns)
      ?? DenseWeight(dense.tensor(name, shape: Shape(checking: [rows, columns])))
  }
}
