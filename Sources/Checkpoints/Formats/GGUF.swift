package import Platform
import Tensors
import Tokenizers
import Wording

/// One GGUF file, `model.gguf`, with all that llama.cpp needs: sizes, tokenizer, weights.
///
/// Without a type every layer goes into the blocks that hold its codes as they are (`GGUFLayerForm`), and what no block
/// holds is rounded again; with a type all layers of the blocks become that, but those a recipe treats otherwise. What was
/// lost is measured and told. Norms and biases are F32, as llama.cpp wants them. Rows of queries and keys are put in the
/// order of the format.
package struct GGUF: ExportFormat {
  package static let name = "gguf"
  package static let summary = "one file with its tokenizer, for llama.cpp and what is built on it"
  package static let types = GGUFBlockWriter.types.map { "\($0)" }
  package static let keepsBlocks = true
  package static let joinsLayers = true
  package static let fileName = "model.gguf"

  /// What layers are turned into; nil for what holds them as they are.
  let type: GGUFTensorType?

  package init(type: String?) {
    self.type = type.flatMap { name in GGUFBlockWriter.types.first { "\($0)" == name } }
  }

  package func obstacle(_ outline: ArtifactOutline) -> ExportObstacle? {
    guard GGUFArchitecture.name(ofModelType: outline.modelType) != nil else {
      return ExportObstacle(
        "expected a family that is written as GGUF ("
          + GGUFArchitecture.writtenTypes.joined(separator: ", ") + "), found \(outline.modelType)")
    }
    for layer in outline.layers where !layer.format.isFloat {
      switch layer.activation {
      case .float, .int8Blocks, .int16Blocks: continue
      default:
        return ExportObstacle(
          "\(layer.name): its inputs are quantized, and a GGUF file says nothing of inputs",
          nearest: .init(dropsActivations: true))
      }
    }
    return nil
  }

  package func check(_ facts: ModelFacts, modelType: String, names: [String]) throws {
    guard let name = GGUFArchitecture.name(ofModelType: modelType) else { return }
    _ = try GGUFMetadata(architecture: name, facts: facts, type: .f16, notes: "").entries()
    guard let places = GGUFTensorPlaces(modelType: modelType, facts: facts) else { return }
    for name in names { _ = try GGUFFilePlan.place(name, places, path: facts.name) }
  }

  package func check(
    _ importance: ImportanceMatrix, _ outline: ArtifactOutline, _ facts: ModelFacts
  ) throws {
    guard let type, GGUFBlockWriter.weightedTypes.contains(type) else {
      throw CheckpointError.unsupported(
        file: importance.path, item: "importance matrix",
        found: type.map { "weighing gguf:\($0)" }
          ?? "weighing gguf, which moves codes as they are,",
        known: ImportanceMatrix.weighed)
    }
    guard let places = GGUFTensorPlaces(modelType: outline.modelType, facts: facts) else { return }
    for (layer, form) in zip(outline.layers, forms(outline)) {
      guard
        let place = try GGUFFilePlan.place(layer.name + ".weight", places, path: facts.name)
      else { continue }
      _ = try GGUFFilePlan.importance(importance, place, form, columns: layer.columns)
    }
  }

  package func write(
    _ artifact: Artifact, into directory: WholeDirectory, telling tell: (String) -> Void
  ) throws {
    let path = directory.path(of: Self.fileName)
    guard let facts = artifact.facts,
      let name = GGUFArchitecture.name(ofModelType: artifact.config["model_type"]?.string ?? ""),
      let places = GGUFTensorPlaces(
        modelType: artifact.config["model_type"]?.string ?? "", facts: facts)
    else {
      throw CheckpointError.unsupported(
        file: path, item: "model_type", found: artifact.config["model_type"]?.string ?? "none",
        known: "known are " + GGUFArchitecture.writtenTypes.joined(separator: ", "))
    }
    let forms = forms(artifact.outline)
    let plan = try GGUFFilePlan(artifact, facts, places, forms: forms, turns: type, path: path)
    let metadata = try GGUFMetadata(
      architecture: name, facts: facts, type: Self.commonest(forms.map(\.type)),
      notes: JSONValue.object(artifact.notes).text(), importance: artifact.importance)
    let writer = try GGUFWriter(
      path: path, metadata: try metadata.entries(), tensors: plan.tensors.map(\.entry))
    var losses: [(type: GGUFTensorType, name: String, loss: Double)] = []
    for tensor in plan.tensors {
      let loss = try tensor.write(to: writer, pool: artifact.pool)
      if let loss { losses.append((tensor.entry.type, tensor.entry.name, loss)) }
    }
    try writer.commit()
    Self.report(losses, tell)
    if let importance = artifact.importance { Self.report(importance, forms, tell) }
    if let caveat = metadata.vocabulary?.caveat { tell(caveat) }
    if facts.source == nil, metadata.vocabulary == nil {
      tell("The model has no tokenizer next to its weights, so the file has none.")
    }
    let others = zip(artifact.layers, forms).filter { type != nil && $1.type != type }
    if let type, !others.isEmpty {
      let found = Set(others.map { "\($1.type)" }).sorted().joined(separator: ", ")
      tell(
        "\(others.count) layer\(others.count == 1 ? " is" : "s are") not \(type) but \(found): "
          + "rows that are no whole blocks of it, and layers that the recipe treats otherwise.")
    }
  }

  /// The form of each layer.
  func forms(_ outline: ArtifactOutline) -> [GGUFLayerForm] {
    let usual = ArtifactOutline.commonest(
      outline.layers.filter { !$0.isEmbedding && !$0.isRouter }.map(\.format.code))
    return outline.layers.map { layer in
      let (format, columns) = (layer.format, layer.columns)
      // llama.cpp takes routers in float32.
      guard !layer.isRouter else { return GGUFLayerForm(turning: .f32, columns: columns) }
      guard let type, !layer.isEmbedding || type.plain != nil,
        format.code == usual || type.plain != nil
      else { return GGUFLayerForm(keeping: format, columns: columns) }
      return GGUFLayerForm(turning: type, columns: columns)
    }
  }

  /// What weighed the rounding, and channels that its text did not reach.
  private static func report(
    _ importance: ImportanceMatrix, _ forms: [GGUFLayerForm], _ tell: (String) -> Void
  ) {
    let text =
      importance.datasets.isEmpty ? "" : " of \(importance.datasets.joined(separator: ", "))"
    let count = forms.count(where: \.isSearched)
    tell(
      "\(count) layer\(count == 1 ? "" : "s") rounded with errors weighed by \(importance.path): "
        + "\(importance.chunks) windows of \(importance.chunkSize) tokens\(text).")
    let silent = importance.entries.values.reduce(0) { $0 + $1.sums.count { $0 == 0 } }
    guard silent > 0 else { return }
    let all = importance.entries.values.reduce(0) { $0 + $1.sums.count }
    tell(
      "Its text did not reach \(silent) of \(Quantity.grouped(all)) input channels, whose weights count nothing: a longer "
        + "text says more.")
  }

  private static func commonest(_ types: [GGUFTensorType]) -> GGUFTensorType {
    ArtifactOutline.commonest(types.map { $0.rawValue }).flatMap { GGUFTensorType(rawValue: $0) }
      ?? .f16
  }

  /// What was lost, a sentence a type.
  private static func report(
    _ losses: [(type: GGUFTensorType, name: String, loss: Double)], _ tell: (String) -> Void
  ) {
    var types: [GGUFTensorType] = []
    for found in losses where !types.contains(found.type) { types.append(found.type) }
    for type in types {
      let own = losses.filter { $0.type == type }
      let lossy = own.filter { $0.loss > 0 }
      let count = "\(own.count) tensor\(own.count == 1 ? "" : "s") in \(type)"
      guard let worst = lossy.max(by: { $0.loss < $1.loss }) else {
        tell("\(count): written without loss.")
        continue
      }
      tell(
        "\(count): \(lossy.count == own.count ? "" : "\(lossy.count) of them ")written with a relative error of up to "
          + "\(Quantity.significant(worst.loss, 2)) (\(worst.name)).")
    }
  }
}
