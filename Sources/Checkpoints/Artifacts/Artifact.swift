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
    /// Whether it chooses the experts of a mixture.
    package var isRouter: Bool

    package init(
      name: String, weight: any LinearWeight, activation: ActivationFormat,
      isEmbedding: Bool = false, isRouter: Bool = false
    ) {
      self.name = name
      self.weight = weight
      self.activation = activation
      self.isEmbedding = isEmbedding
      self.isRouter = isRouter
    }
  }

  /// What keys and values of one block are divided by in an FP8 cache.
  package struct CacheScale: Hashable, Sendable {
    /// The module in the checkpoint: `model.layers.0.self_attn`.
    package var attention: String
    package var keys: Float
    package var values: Float

    package init(attention: String, keys: Float, values: Float) {
      self.attention = attention
      self.keys = keys
      self.values = values
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
  /// What a GGUF file says of the model, and where its metadata comes from, for formats that need it.
  package var facts: ModelFacts?
  /// What the inputs of each layer count where numbers are rounded to blocks; nil where all count the same.
  package var importance: ImportanceMatrix?
  /// Of an FP8 cache that the recipe asks for; empty for none.
  package var cacheScales: [CacheScale] = []
  /// Threads that turn numbers into blocks; nil for the calling one.
  package var pool: WorkerPool?

  package init(
    config: JSONObject, layers: [Layer], others: [(name: String, view: TensorView)],
    companions: [String], files: [(name: String, text: String)] = [], notes: JSONObject,
    facts: ModelFacts? = nil, pool: WorkerPool? = nil
  ) {
    self.config = config
    self.layers = layers
    self.others = others
    self.companions = companions
    self.files = files
    self.notes = notes
    self.facts = facts
    self.pool = pool
  }

  /// What is known of it before its weights are there.
  package var outline: ArtifactOutline {
    ArtifactOutline(
      modelType: config["model_type"]?.string ?? "",
      layers: layers.map { layer in
        ArtifactOutline.Layer(
          name: layer.name, format: layer.weight.format, activation: layer.activation,
          rows: layer.weight.rows, columns: layer.weight.columns, isEmbedding: layer.isEmbedding,
          isRouter: layer.isRouter)
      })
  }
}
