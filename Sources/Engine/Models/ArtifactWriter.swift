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
  private let format: any ExportFormat.Type

  /// - Throws: `EngineError.unknownFormat`.
  init(held: Laboratory.OpenModel, quantized: Laboratory.Quantized, format: String) throws {
    guard let found = ExportFormats.named(format) else {
      throw EngineError.unknownFormat(
        name: format, known: ExportFormats.all.map { $0.name })
    }
    self.held = held
    self.quantized = quantized
    self.format = found
  }

  /// Whether the open model can be written once it is quantized, whatever the recipe: asked before any work begins.
  ///
  /// - Throws: `EngineError.unknownFormat`, `.outputExists`, `.cannotExport`; what reading its files throws.
  static func check(_ held: Laboratory.OpenModel, format: String, path: String? = nil) throws {
    guard ExportFormats.named(format) != nil else {
      throw EngineError.unknownFormat(name: format, known: ExportFormats.all.map { $0.name })
    }
    if let path, FileManager.default.fileExists(atPath: path) {
      throw EngineError.outputExists(path: path)
    }
    if let base = held.summary.against {
      throw EngineError.cannotExport(
        what: held.summary.name,
        reason: "it is held against \(base.name); open the model to quantize by itself")
    }
    for block in held.model.blocks {
      guard let layer = block.plan.linears.first(where: { $0.storage != .own }) else { continue }
      throw EngineError.cannotExport(
        what: held.summary.name,
        reason: "\(layer.name) does not lie in a tensor of its own, as artifacts have it")
    }
    _ = try ArtifactSource(held.stored, held.model.frame)
  }

  /// Writes a directory whole, or nothing; yields its bytes.
  ///
  /// - Parameter tell: is told what becomes of tensors that a format does not hold as they are stored.
  /// - Throws: `EngineError.outputExists`, `.cannotExport`; what writing throws.
  func write(to path: String, telling tell: (String) -> Void) throws -> Int {
    try Self.check(held, format: format.name, path: path)
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
          name: linear.name, weight: try expanded.writable(linear.weight),
          activation: linear.activation)
      } + tables(&expanded)
    let names = Set(layers.map { $0.name + ".weight" })
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
    others += added.compactMap { name in changed[name].map { (name: name, view: $0) } }
    for sentence in source.notices + expanded.sentences { tell(sentence) }
    let origin =
      held.isBuiltIn
      ? "built-in" : URL(fileURLWithPath: held.stored.path).standardizedFileURL.path
    let directory = try WholeDirectory(path: path)
    do {
      let artifact = Artifact(
        config: try config(source), layers: layers,
        others: others, companions: source.companions, files: source.files,
        notes: try ArtifactNotes.make(
          quantized.recipe, source: origin, planted: held.summary.planted,
          rotated: held.summary.rotated))
      // The views point into the source's maps.
      try withExtendedLifetime(source) { try format.write(artifact, into: directory) }
      try directory.commit()
    } catch {
      directory.abandon()
      throw error
    }
    return try size(of: path)
  }

  /// Embedding table and head, where they are quantized; a table that is both is written once.
  private func tables(_ expanded: inout ExpandedTensors) throws -> [Artifact.Layer] {
    let model = quantized.model
    let isTied = model.configuration.tiedEmbeddings
    var layers: [Artifact.Layer] = []
    // Tables that are blocks of a GGUF file are not quantized here; they are written like other tensors.
    if !model.embedding.format.isFloat, !(model.embedding is BlockWeight) {
      layers.append(
        Artifact.Layer(
          name: LinearPlan.layer(of: model.frame.embedding),
          weight: try expanded.writable(model.embedding),
          activation: isTied ? model.head.activation : model.precision.activation,
          isEmbedding: true))
    }
    if !isTied, !model.head.weight.format.isFloat, !(model.head.weight is BlockWeight) {
      layers.append(
        Artifact.Layer(
          name: model.head.name, weight: try expanded.writable(model.head.weight),
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
