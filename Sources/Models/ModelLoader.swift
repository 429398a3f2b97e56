import Checkpoints
import Tensors

extension Model {
  /// Opens a model in Hugging Face's layout: `config.json` and safetensors.
  ///
  /// Every tensor is checked against the configuration; weights stay mapped.
  /// - Throws: `CheckpointError`, `ModelError`: what was expected, what was found, and where.
  package static func load(directory path: String, precision: BaselinePrecision = .bf16) throws
    -> Model
  {
    let configuration = try ModelConfiguration(
      ConfigFile(path: ModelDirectory(path: path).path(of: "config.json")))
    if let method = configuration.quantization {
      throw ModelError.unsupported(
        file: path + "/config.json", field: "quantization_config.quant_method",
        found: "\"\(method.prefix(40))\"", known: "expected weights that are not quantized yet")
    }
    return try load(
      configuration, from: CheckpointSource(Checkpoint(path: path)), precision: precision)
  }

  /// Puts a model together from a configuration and a source of tensors.
  ///
  /// - Throws: `ModelError.unknownArchitecture`, `.unexpectedTensors`, and what the source throws
  /// for
  ///   tensors that are missing or have another shape.
  package static func load(
    _ configuration: ModelConfiguration, from source: some WeightSource,
    precision: BaselinePrecision = .bf16
  ) throws -> Model {
    guard let architecture = Architectures.named(configuration.modelType) else {
      throw ModelError.unknownArchitecture(
        file: source.path, found: configuration.modelType, known: Architectures.modelTypes)
    }
    var loader = ModelLoader(
      configuration: configuration, names: architecture.tensorNames, source: source,
      precision: precision)
    let names = architecture.tensorNames
    let table = try loader.weight(
      names.embedding, rows: configuration.vocabularySize, columns: configuration.hiddenSize)
    let blocks = try (0..<configuration.blocks).map { try loader.block($0) }
    let finalNorm = try loader.norm(names.finalNorm, configuration.hiddenSize)
    let head: any LinearWeight
    if configuration.tiedEmbeddings {
      head = table
      // Some writers store the shared table a second time.
      loader.used.insert(names.head)
    } else {
      head = try loader.weight(
        names.head, rows: configuration.vocabularySize, columns: configuration.hiddenSize)
    }
    try loader.refuseUnexpected()
    let storedType =
      try (table as? DenseWeight)?.view.dtype
      ?? source.tensor(names.finalNorm, shape: Shape(checking: [configuration.hiddenSize])).dtype
    return Model(
      configuration: configuration, architecture: architecture, precision: precision,
      embedding: table, storedType: storedType, blocks: blocks, finalNorm: finalNorm,
      head: Linear(
        name: TensorNames.layer(of: names.head), weight: head, activation: precision.activation),
      rotary: RotaryTable(configuration.rotary, headDimension: configuration.headDimension))
  }
}

/// Takes tensors from a source and remembers which.
private struct ModelLoader<Source: WeightSource> {
  let configuration: ModelConfiguration
  let names: TensorNames
  let source: Source
  let precision: BaselinePrecision
  var used: Set<String> = []

  mutating func tensor(_ name: String, _ dimensions: [Int]) throws -> TensorView {
    used.insert(name)
    return try source.tensor(name, shape: Shape(checking: dimensions))
  }

  mutating func weight(_ name: String, rows: Int, columns: Int) throws -> any LinearWeight {
    used.insert(name)
    return try source.weight(name, rows: rows, columns: columns)
  }

  mutating func norm(_ name: String, _ count: Int) throws -> NormWeight {
    let norm = try NormWeight(name: name, tensor(name, [count]))
    if let column = norm.values.firstIndex(where: { !$0.isFinite }) {
      throw ModelError.notFinite(tensor: name, row: 0, column: column, value: norm.values[column])
    }
    return norm
  }

  mutating func block(_ index: Int) throws -> DecoderBlock {
    let attentionNorm = try norm(
      names.norm(.attention, block: index), configuration.hiddenSize)
    let feedForwardNorm = try norm(
      names.norm(.feedForward, block: index), configuration.hiddenSize)
    var headNorms: [NormWeight] = []
    if configuration.hasHeadNorms {
      for name in [names.queryNorm(block: index), names.keyNorm(block: index)] {
        if let name { headNorms.append(try norm(name, configuration.headDimension)) }
      }
    }
    return try DecoderBlock(
      attentionNorm: attentionNorm, feedForwardNorm: feedForwardNorm, queryNorm: headNorms.first,
      keyNorm: headNorms.last
    ) { projection in
      try linear(LinearID(block: index, projection: projection))
    }
  }

  mutating func linear(_ id: LinearID) throws -> Linear {
    let name = names.weight(id)
    let size = configuration.size(of: id.projection)
    used.insert(name)
    var bias: [Float]?
    if configuration.biases.contains(id.projection) {
      bias = try tensor(names.bias(id), [size.rows]).floats()
    }
    return Linear(
      name: names.layer(id),
      weight: try source.weight(name, rows: size.rows, columns: size.columns), bias: bias,
      activation: precision.activation)
  }

  func refuseUnexpected() throws {
    let unexpected = source.names.filter { name in
      !used.contains(name) && !names.ignoredEndings.contains { name.hasSuffix($0) }
    }
    guard unexpected.isEmpty else {
      throw ModelError.unexpectedTensors(
        file: source.path, names: Array(unexpected.prefix(4)), count: unexpected.count)
    }
  }
}
