import Checkpoints
import FoundationEssentials
import Models
import Platform
import Quantization
import Tensors

/// Writes a quantized model: its layers by the format, everything else as the source has it.
struct ArtifactWriter {
  private let held: Laboratory.OpenModel
  private let quantized: Laboratory.Quantized
  private let format: any ExportFormat
  /// What weighs the rounding to blocks; nil for nothing.
  private let importance: ImportanceMatrix?
  /// Of an FP8 cache; empty for none.
  var cacheScales: [Artifact.CacheScale] = []
  private let pool: WorkerPool
  /// As it was asked for.
  private let name: String

  /// - Throws: `EngineError.unknownFormat`.
  init(
    held: Laboratory.OpenModel, quantized: Laboratory.Quantized, format: String,
    importance: ImportanceMatrix? = nil, pool: WorkerPool
  ) throws {
    self.held = held
    self.quantized = quantized
    self.importance = importance
    self.pool = pool
    self.format = try Self.format(format)
    name = format
  }

  static func format(_ name: String) throws -> any ExportFormat {
    guard let found = ExportFormats.named(name) else {
      throw EngineError.unknownFormat(name: name, known: ExportFormats.names)
    }
    return found
  }

  /// Whether the format holds scales of a cache, and the recipe asks for one that has them.
  var wantsCacheScales: Bool {
    type(of: format).holdsCacheScales && CacheProbe.wantsScales(quantized.cache)
  }

  /// Whether a directory can be put at the path.
  ///
  /// - Throws: `EngineError.badOutput`.
  static func check(path: String) throws {
    if let reason = OutputPlace.obstacle(at: path) {
      throw EngineError.badOutput(path: path, reason: reason)
    }
  }

  /// Whether the open model can be written once it is quantized, whatever the recipe: asked before any work begins.
  ///
  /// - Throws: `EngineError.unknownFormat`, `.badOutput`, `.cannotExport`; what reading its files throws.
  static func check(_ held: Laboratory.OpenModel, format: String, path: String? = nil) throws {
    let joins = try type(of: Self.format(format)).joinsLayers
    if let path { try check(path: path) }
    if let base = held.summary.against {
      throw EngineError.cannotExport(
        what: held.summary.name,
        reason: "it is held against \(base.name); open the model to quantize by itself")
    }
    for block in held.model.blocks {
      let apart = block.plan.linears.first { layer in
        if case .rows = layer.storage { !joins } else { layer.storage != .own }
      }
      guard let layer = apart else { continue }
      throw EngineError.cannotExport(
        what: held.summary.name,
        reason: "\(layer.name) does not lie in a tensor of its own, as artifacts have it")
    }
    _ = try ArtifactSource(held.stored, held.model.frame)
  }

  /// Whether the format can hold what surrounds the layers: constants, tokenizer, other tensors.
  ///
  /// - Throws: `EngineError.cannotExport` with the reason.
  static func checkSurroundings(_ held: Laboratory.OpenModel, format name: String) throws {
    let source = try ArtifactSource(held.stored, held.model.frame)
    // Layers by their own names, also where several lie in one tensor.
    let stored = names([], held)
    let layers = held.model.linears.map { held.model[$0].name + ".weight" }
    do {
      try format(name).check(
        ModelFacts(held), modelType: held.model.configuration.modelType,
        names: source.names.filter { !stored.contains($0) } + layers)
    } catch {
      throw EngineError.cannotExport(what: "\(held.summary.name) as \(name)", reason: "\(error)")
    }
  }

  /// What is said of a layer in headers, configuration and manifest, at the most.
  private static let bytesOfALayer = 2048
  private static let bytesOfADirectory = 65_536

  /// The tensors of the source that hold layers, some of them several.
  private static func names(_ layers: [String], _ held: Laboratory.OpenModel) -> Set<String> {
    Set(layers.map { $0 + ".weight" }).union(
      held.model.blocks.flatMap { $0.plan.linears.map { $0.storedName + ".weight" } })
  }

  /// Bytes that the directory takes on the disk at the most.
  static func expectedBytes(
    _ outline: ArtifactOutline, _ held: Laboratory.OpenModel, format name: String
  ) throws -> Int {
    let source = try ArtifactSource(held.stored, held.model.frame)
    let layers = names(outline.layers.map(\.name), held)
    let others = source.names.filter { !layers.contains($0) }.compactMap(source.outline)
    return try format(name).tensorBytes(outline, others: others) + source.surroundingBytes
      + (outline.layers.count + others.count) * bytesOfALayer + bytesOfADirectory
  }

  /// Whether the format weighs rounding by an importance matrix, and by this one.
  ///
  /// - Throws: `CheckpointError` with what it does not, the layer and where.
  static func check(
    _ importance: ImportanceMatrix, _ outline: ArtifactOutline, _ held: Laboratory.OpenModel,
    format name: String
  ) throws {
    try format(name).check(importance, outline, ModelFacts(held))
  }

  /// Whether the format can hold what the recipe makes of the layers.
  ///
  /// - Throws: `EngineError.formatCannotHold` with the reason and the nearest recipe.
  static func check(_ outline: ArtifactOutline, _ recipe: Recipe, format: String) throws {
    guard let words = ExportOutlook(format, outline, recipe).words else { return }
    throw EngineError.formatCannotHold(format: format, reason: words)
  }

  /// Writes a directory whole, or nothing; yields its bytes.
  ///
  /// - Parameter tell: is told what becomes of tensors that a format does not hold as they are stored.
  /// - Throws: `EngineError.badOutput`, `.cannotExport`, `.formatCannotHold`; what writing throws.
  func write(to path: String, telling tell: (String) -> Void) throws -> Int {
    try Self.check(held, format: name, path: path)
    guard !quantized.blocks.isEmpty else {
      throw EngineError.cannotExport(
        what: held.summary.name, reason: "it is an artifact already; copy its directory")
    }
    let source = try ArtifactSource(held.stored, held.model.frame)
    var expanded = ExpandedTensors()
    let layers =
      try quantized.model.linears.map { id in
        let linear = quantized.model[id]
        return Artifact.Layer(
          name: linear.name, weight: try writable(linear.weight, &expanded),
          activation: linear.activation, isRouter: id.projection.kind == .router)
      } + tables(&expanded)
    let rest = try others(
      source, besides: Self.names(layers.map(\.name), held), &expanded)
    for sentence in source.notices + expanded.sentences { tell(sentence) }
    let origin =
      held.isBuiltIn
      ? "built-in" : URL(fileURLWithPath: held.stored.path).standardizedFileURL.path
    var artifact = Artifact(
      config: try config(source), layers: layers,
      others: rest, companions: source.companions, files: source.files,
      notes: try ArtifactNotes.make(
        quantized.recipe, source: origin, planted: held.summary.planted,
        rotated: held.summary.rotated))
    artifact.facts = try ModelFacts(held)
    artifact.pool = pool
    artifact.importance = importance
    artifact.cacheScales = cacheScales
    try Self.check(artifact.outline, quantized.recipe, format: name)
    if let importance { try Self.check(importance, artifact.outline, held, format: name) }
    var losses: [String] = []
    let directory = try WholeDirectory(path: path, fillingEmpty: true)
    do {
      // The views point into the source's maps.
      try withExtendedLifetime(source) {
        try format.write(artifact, into: directory) { words in
          losses.append(words)
          tell(words)
        }
      }
      var manifest = ArtifactManifest(quantized, format: name, source: origin, losses: losses)
      manifest.importance = try importance.map(ArtifactManifest.Importance.init)
      try manifest.write(into: directory)
      try directory.commit()
    } catch {
      directory.abandon()
      throw error
    }
    return try size(of: path)
  }

  /// The tensors that are no layers, as the source has them or as a method has changed them.
  private func others(
    _ source: ArtifactSource, besides names: Set<String>, _ expanded: inout ExpandedTensors
  ) throws -> [(name: String, view: TensorView)] {
    let changed = try changed(source)
    var others: [(name: String, view: TensorView)] = []
    for name in source.names where !names.contains(name) {
      let view = try changed[name] ?? source.view(name)
      if changed[name] == nil, let blocks = source.blocks(of: name) {
        expanded.note(blocks, as: view.dtype, byteCount: view.bytes.count)
      }
      others.append((name: name, view: view))
    }
    // What the source does not have is a head that shared the embedding table.
    let added = Set(changed.keys).subtracting(source.names).sorted()
    return others + added.compactMap { name in changed[name].map { (name: name, view: $0) } }
  }

  private var keepsBlocks: Bool { type(of: format).keepsBlocks }

  /// A weight as the format takes it.
  private func writable(
    _ weight: any LinearWeight, _ expanded: inout ExpandedTensors
  ) throws -> any LinearWeight {
    keepsBlocks && weight is BlockWeight ? weight : try expanded.writable(weight)
  }

  private func isWrittenAsLayer(_ table: any LinearWeight) -> Bool {
    !table.format.isFloat && (keepsBlocks || !(table is BlockWeight))
  }

  /// Embedding table and head, where they are quantized; a table that is both is written once.
  private func tables(_ expanded: inout ExpandedTensors) throws -> [Artifact.Layer] {
    let model = quantized.model
    let isTied = model.configuration.tiedEmbeddings
    var layers: [Artifact.Layer] = []
    // Tables that are blocks of a GGUF file are not quantized here; they are written like other tensors, or as they are.
    if isWrittenAsLayer(model.embedding) {
      layers.append(
        Artifact.Layer(
          name: LinearPlan.layer(of: model.frame.embedding),
          weight: try writable(model.embedding, &expanded),
          activation: isTied ? model.head.activation : model.precision.activation,
          isEmbedding: true))
    }
    if !isTied, isWrittenAsLayer(model.head.weight) {
      layers.append(
        Artifact.Layer(
          name: model.head.name, weight: try writable(model.head.weight, &expanded),
          activation: model.head.activation))
    }
    return layers
  }

  /// What is not as in the source, by name: norms and biases that a method moved scale into or outliers were planted in, norms
  /// in the type of the source, which they were rounded to, biases in float32; of a model whose embedding was
  /// transformed also that, last norm and head.
  private func changed(_ source: ArtifactSource) throws -> [String: TensorView] {
    var changed: [String: TensorView] = [:]
    for (index, block) in quantized.model.blocks.enumerated() {
      let original = try held.reference.block(index)
      for norm in block.plan.normPlaces where block[norm].values != original[norm].values {
        changed[block[norm].name] = try stored(block[norm], source)
      }
      for projection in block.roles {
        let linear = block[projection]
        guard let bias = linear.bias, bias != original[projection].bias else { continue }
        changed[linear.name + ".bias"] = try TensorView(
          dtype: .f32, shape: Shape(checking: [bias.count]), copying: bias)
      }
    }
    guard isRotated else { return changed }
    let model = quantized.model
    if let table = model.embedding as? DenseWeight { changed[model.frame.embedding] = table.view }
    changed[model.finalNorm.name] = try stored(model.finalNorm, source)
    if let head = model.head.weight as? DenseWeight { changed[model.frame.head] = head.view }
    return changed
  }

  /// Whether embedding, last norm and head are others than the source's.
  private var isRotated: Bool { held.transformed.transform(ResidualRotation.self) != nil }

  /// A norm in the type of the source; in float32 where that type does not hold it, as gains about 1 that are stored
  /// about 0 may not be.
  private func stored(_ norm: NormWeight, _ source: ArtifactSource) throws -> TensorView {
    let values = norm.stored
    let shape = try Shape(checking: [values.count])
    let type = source.type(of: norm.name) ?? .f32
    if norm.offset != 0, type == .bf16,
      values.contains(where: { FloatFormats.float(bf16: FloatFormats.bf16($0)) != $0 })
    {
      return try TensorView(dtype: .f32, shape: shape, copying: values)
    }
    return switch type {
    case .bf16: try TensorView(dtype: type, shape: shape, copying: values.map(FloatFormats.bf16))
    case .f16: try TensorView(dtype: type, shape: shape, copying: values.map(FloatFormats.f16))
    default: try TensorView(dtype: .f32, shape: shape, copying: values)
    }
  }

  /// The source's configuration; a rotated model's embeddings are no longer tied.
  private func config(_ source: ArtifactSource) throws -> JSONObject {
    var config = source.config
    let isTied = held.model.configuration.tiedEmbeddings
    if isRotated || config["tie_word_embeddings"] == .bool(true) && !isTied {
      config.set("tie_word_embeddings", .bool(isTied))
    }
    return config
  }

  private func size(of path: String) throws -> Int {
    try FileManager.default.contentsOfDirectory(atPath: path).reduce(0) { sum, name in
      try sum + MappedFile(path: path + "/" + name).byteCount
    }
  }
}
