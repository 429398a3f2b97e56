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

  /// Writes a directory whole, or nothing; yields its bytes.
  ///
  /// - Throws: `EngineError.outputExists`, `.cannotExport`; what writing throws.
  func write(to path: String) throws -> Int {
    guard !FileManager.default.fileExists(atPath: path) else {
      throw EngineError.outputExists(path: path)
    }
    guard held.summary.recipe == nil, held.summary.layout == nil else {
      throw EngineError.cannotExport(
        what: held.summary.name, reason: "it is an artifact already; copy its directory")
    }
    guard held.summary.against == nil else {
      throw EngineError.cannotExport(
        what: held.summary.name,
        reason:
          "it is held against \(held.summary.against?.name ?? ""); open the model to quantize by itself"
      )
    }
    try refuseSharedTensors()
    let source = try ArtifactSource(held.stored, held.model.frame)
    let layers =
      quantized.model.linears.map { id in
        let linear = quantized.model[id]
        return Artifact.Layer(
          name: linear.name, weight: Self.writable(linear.weight), activation: linear.activation)
      } + tables
    let names = Set(layers.map { $0.name + ".weight" })
    let changed = try changed(source)
    var others = try source.names.filter { !names.contains($0) }.map {
      (name: $0, view: try changed[$0] ?? source.view($0))
    }
    // What the source does not have is a head that shared the embedding table.
    let added = Set(changed.keys).subtracting(source.names).sorted()
    others += added.compactMap { name in changed[name].map { (name: name, view: $0) } }
    let origin =
      held.isBuiltIn
      ? "built-in" : URL(fileURLWithPath: held.stored.path).standardizedFileURL.path
    let directory = try WholeDirectory(path: path)
    do {
      let artifact = Artifact(
        config: try config(source), layers: layers,
        others: others, companions: source.companions,
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

  /// - Throws: `EngineError.cannotExport` for layers that do not lie in tensors of their own: a reader would not find them.
  private func refuseSharedTensors() throws {
    for block in quantized.model.blocks {
      guard let layer = block.plan.linears.first(where: { $0.storage != .own }) else { continue }
      throw EngineError.cannotExport(
        what: held.summary.name,
        reason: "\(layer.name) does not lie in a tensor of its own, as artifacts have it")
    }
  }

  /// A weight as formats know them: blocks that no method has touched become the numbers they stand for, in float32.
  private static func writable(_ weight: any LinearWeight) -> any LinearWeight {
    weight is BlockWeight ? weight.decoded : weight
  }

  /// Embedding table and head, where they are quantized; a table that is both is written once.
  private var tables: [Artifact.Layer] {
    let model = quantized.model
    let isTied = model.configuration.tiedEmbeddings
    var layers: [Artifact.Layer] = []
    // Tables that are blocks of a GGUF file are not quantized here; they are written like other tensors.
    if !model.embedding.format.isFloat, !(model.embedding is BlockWeight) {
      layers.append(
        Artifact.Layer(
          name: LinearPlan.layer(of: model.frame.embedding),
          weight: model.embedding,
          activation: isTied ? model.head.activation : model.precision.activation,
          isEmbedding: true))
    }
    if !isTied, !model.head.weight.format.isFloat, !(model.head.weight is BlockWeight) {
      layers.append(
        Artifact.Layer(
          name: model.head.name, weight: model.head.weight, activation: model.head.activation))
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
    guard held.model.embedding !== held.reference.embedding else { return changed }
    let model = quantized.model
    if let table = model.embedding as? DenseWeight { changed[model.frame.embedding] = table.view }
    changed[model.finalNorm.name] = try stored(model.finalNorm, source)
    if let head = model.head.weight as? DenseWeight { changed[model.frame.head] = head.view }
    return changed
  }

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
    if held.model.embedding !== held.reference.embedding
      || config["tie_word_embeddings"] == .bool(true) && !isTied
    {
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
