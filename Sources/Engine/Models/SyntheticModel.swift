import Checkpoints
import DemoModel
import FoundationEssentials
package import Models
package import Platform
import Tensors

/// A model of a given shape with random weights.
///
/// For measuring time and memory where no trained model of that size is at
/// hand. What it says means nothing.
package struct SyntheticModel: Sendable {
  /// Shapes of known models.
  package enum Preset: String, CaseIterable, Sendable {
    case tinyLlama = "tinyllama-1.1b"
    case smolLM2 = "smollm2-135m"

    /// The shape, with the vocabulary of the model it is taken from.
    package var shape: ModelShape {
      switch self {
      case .tinyLlama:
        ModelShape(
          architecture: "llama", blocks: 22, hiddenSize: 2048, intermediateSize: 5632, heads: 32,
          kvHeads: 4, headDimension: 64, vocabularySize: 32000, context: 2048,
          tiedEmbeddings: false)
      case .smolLM2:
        ModelShape(
          architecture: "llama", blocks: 30, hiddenSize: 576, intermediateSize: 1536, heads: 9,
          kvHeads: 3, headDimension: 64, vocabularySize: 49152, context: 2048, tiedEmbeddings: true)
      }
    }
  }

  package let shape: ModelShape
  package let seed: UInt64

  /// - Throws: `EngineError.badShape` for sizes that make no model.
  package init(shape: ModelShape, seed: UInt64) throws {
    func check(_ field: String, _ value: Int, _ range: ClosedRange<Int>) throws {
      guard range.contains(value) else {
        throw EngineError.badShape(
          field: field, expected: "\(range.lowerBound) to \(range.upperBound)", found: "\(value)")
      }
    }
    try check("blocks", shape.blocks, 1...512)
    try check("hidden size", shape.hiddenSize, 8...65536)
    try check("intermediate size", shape.intermediateSize, 8...262_144)
    try check("heads", shape.heads, 1...1024)
    try check("KV heads", shape.kvHeads, 1...shape.heads)
    try check("head dimension", shape.headDimension, 2...1024)
    try check("vocabulary", shape.vocabularySize, Self.smallestVocabulary...1_000_000)
    try check("context", shape.context, 8...(1 << 24))
    guard shape.heads % shape.kvHeads == 0 else {
      throw EngineError.badShape(
        field: "heads", expected: "a multiple of the \(shape.kvHeads) KV heads",
        found: "\(shape.heads)")
    }
    self.shape = shape
    self.seed = seed
  }

  /// The tokenizer is the built-in model's, which must fit into the vocabulary.
  private static let smallestVocabulary = 2048
  /// Numbers that one worker makes at a time.
  private static let chunk = 1 << 16

  /// Writes the model in Hugging Face's layout, in BF16, to a directory that must not exist; it appears whole.
  ///
  /// Entries of a matrix are normal with a variance of one over its columns, so that activations keep their size from
  /// block to block; norms are ones. The same shape and seed give the same bytes.
  ///
  /// - Throws: `PlatformError` when the directory exists or the disk is full.
  package func write(
    to path: String, pool: WorkerPool, locator: ResourceLocator = ResourceLocator(),
    progress: (_ done: Int, _ total: Int) throws -> Void = { _, _ in }
  ) throws {
    let demo = try DemoModel(locator: locator)
    let directory = try WholeDirectory(path: path)
    do {
      let tensors = try self.tensors()
      let writer = try SafetensorsWriter(
        path: directory.path(of: Checkpoint.singleFileName),
        entries: try tensors.map {
          .init(name: $0.name, dtype: .bf16, shape: try Shape(checking: $0.dimensions))
        }, metadata: ["format": "pt"])
      for (index, tensor) in tensors.enumerated() {
        try progress(index, tensors.count)
        try write(tensor, index: index, to: writer, pool: pool)
      }
      try progress(tensors.count, tensors.count)
      try writer.commit()
      try WholeFile.write(config.text(indent: 2) + "\n", to: directory.path(of: "config.json"))
      let tokenizer = try MappedFile(path: demo.directory + "/tokenizer.json")
      try WholeFile.write(
        tokenizer.read(at: 0, count: tokenizer.byteCount),
        to: directory.path(of: "tokenizer.json"))
      try directory.commit()
    } catch {
      directory.abandon()
      throw error
    }
  }

  private struct Item {
    var name: String
    var dimensions: [Int]
    /// 0 for ones.
    var deviation: Double
  }

  private func tensors() throws -> [Item] {
    let configuration = try ModelConfiguration(
      ConfigFile(path: "config.json", text: Array(config.text(indent: 2).utf8)))
    let frame = Llama.frame(configuration)
    func matrix(_ name: String, _ rows: Int, _ columns: Int, variance: Double? = nil) -> Item {
      Item(
        name: name, dimensions: [rows, columns],
        deviation: (variance ?? 1 / Double(columns)).squareRoot())
    }
    func ones(_ norm: NormPlan) -> Item {
      Item(name: norm.name, dimensions: [norm.width], deviation: 0)
    }
    var items = [matrix(frame.embedding, shape.vocabularySize, shape.hiddenSize, variance: 1)]
    for index in 0..<shape.blocks {
      let plan = Llama.block(configuration, index)
      items += plan.normPlaces.compactMap { plan[$0].map(ones) }
      items += plan.linears.map { matrix($0.name + ".weight", $0.rows, $0.columns) }
    }
    items.append(ones(frame.finalNorm))
    if !shape.tiedEmbeddings {
      items.append(matrix(frame.head, shape.vocabularySize, shape.hiddenSize))
    }
    return items
  }

  private func write(
    _ item: Item, index: Int, to writer: SafetensorsWriter, pool: WorkerPool
  ) throws {
    let count = item.dimensions.reduce(1, *)
    let span = Self.chunk * 64
    for first in stride(from: 0, to: count, by: span) {
      let length = min(span, count - first)
      var values = [UInt16](repeating: FloatFormats.bf16(1), count: length)
      if item.deviation > 0 {
        values.withUnsafeMutableBufferPointer { values in
          guard let values = values.baseAddress else { return }
          pool.run(chunks: (length + Self.chunk - 1) / Self.chunk) { chunk, _ in
            let start = chunk * Self.chunk
            var generator = SeededGenerator(
              seed: seed, stream: [UInt64(index), UInt64((first + start) / Self.chunk)])
            for place in start..<min(start + Self.chunk, length) {
              values[place] = FloatFormats.bf16(Float(generator.normal() * item.deviation))
            }
          }
        }
      }
      try writer.write(item.name, values)
    }
  }

  private var config: JSONValue {
    var object = JSONObject()
    object.set("architectures", .array([.string("LlamaForCausalLM")]))
    object.set("model_type", .string("llama"))
    for (key, value) in [
      ("vocab_size", shape.vocabularySize), ("hidden_size", shape.hiddenSize),
      ("intermediate_size", shape.intermediateSize), ("num_hidden_layers", shape.blocks),
      ("num_attention_heads", shape.heads), ("num_key_value_heads", shape.kvHeads),
      ("head_dim", shape.headDimension), ("max_position_embeddings", shape.context),
      ("bos_token_id", 0), ("eos_token_id", 0),
    ] { object.set(key, .number(JSONNumber(value))) }
    for (key, value) in [("rms_norm_eps", 1e-5), ("rope_theta", 10000.0)] {
      if let number = JSONNumber(value) { object.set(key, .number(number)) }
    }
    object.set("hidden_act", .string("silu"))
    object.set("attention_bias", .bool(false))
    object.set("mlp_bias", .bool(false))
    object.set("tie_word_embeddings", .bool(shape.tiedEmbeddings))
    object.set("torch_dtype", .string("bfloat16"))
    return .object(object)
  }
}
