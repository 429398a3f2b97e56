package import Platform
import Tensors
import Wording

/// The `compressed-tensors` layout of vLLM and llm-compressor: `pack-quantized` for weight-only integers, `int-quantized`
/// for INT8 weights with INT8 activations, `float-quantized` for 8-bit floats.
///
/// `pack-quantized`: `weight_packed` I32 `[rows, ceil(columns * bits / 32)]`, unsigned codes as a dense
/// little-endian stream; `weight_scale` `[rows, groups]`; `weight_shape` I64 `[2]`; asymmetric:
/// `weight_zero_point` I32, packed down the rows. `int-quantized`: `weight` I8, `weight_scale` `[rows, 1]` or `[1]`.
/// `float-quantized`: `weight` F8_E4M3, `weight_scale` `[1]`, `[rows, 1]`, or one a block. Static activations:
/// `input_scale` `[1]`, asymmetric ones `input_zero_point` I8 `[1]`.
///
/// What is not in that layout is written as an extension that other readers refuse by its name instead of misreading it:
/// `quant_method` is then `extensionName`.
/// - Real zero points (HQQ), `pack-quantized-real-zeros`: `weight_real_zero_point` `[rows, groups]`, F16 from HQQ, where
///   `weight_zero_point` would be.
/// - LLM.int8(), `int-quantized-outliers`: `outlier_threshold` and `outlier_form` in `input_activations`; in the paper's form
///   `weight_full` `[rows, columns]` next to the INT8 weight.
/// - E5M2: `float_type` where the layout knows E4M3 alone.
package struct CompressedTensors: ExportFormat {
  package static let name = "compressed-tensors"
  package static let summary =
    "safetensors in the layout of vLLM and llm-compressor; real zero points, LLM.int8() and E5M2 are Nibble's own"
  /// `quant_method` of an artifact with what the layout does not know.
  package static let extensionName = "nibble-compressed-tensors"

  /// Whether a checkpoint with this `quant_method` is opened by `CompressedTensorsReader`.
  package static func reads(quantMethod: String?) -> Bool {
    CompressedTensorsReader.methods.contains(quantMethod ?? "")
  }

  package static let holdsCacheScales = true

  /// 4-bit floats that the layers of the blocks are turned into.
  package static let types = ["nvfp4", "mxfp4"]
  let form: StoredForm?

  package init(type: String? = nil) {
    form = type.map { $0 == "nvfp4" ? .nvfp4 : .mxfp4 }
  }

  package func tensorBytes(_ outline: ArtifactOutline, others: [ArtifactOutline.Other]) -> Int {
    let rest = others.reduce(0) { $0 + $1.keptBytes }
    return rest
      + (form.map { bytes(outline, as: $0) }
        ?? outline.layers.reduce(0) { $0 + $1.storedBytes })
  }

  /// Of layers as they are nothing: what the layout does not know is written as an extension.
  package func obstacle(_ outline: ArtifactOutline) -> ExportObstacle? {
    guard let form else { return nil }
    for layer in outline.layers where !layer.isEmbedding {
      guard case .float = layer.activation else {
        return ExportObstacle(
          "\(layer.name): its inputs are quantized, and \(form) is written for weights alone",
          nearest: .init(dropsActivations: true))
      }
      let size = Float4Groups.size(form)
      guard layer.columns % size == 0 else {
        return ExportObstacle(
          "\(layer.name) has \(layer.columns) columns, which groups of \(size) do not divide")
      }
    }
    return nil
  }

  /// Which layers are turned into 4-bit floats: those of the commonest form, where that is asked for.
  func turned(_ outline: ArtifactOutline) -> [Bool] {
    let usual = ArtifactOutline.commonest(
      outline.layers.filter { !$0.isEmbedding }.map(\.format.code))
    return outline.layers.map { layer in
      form != nil && !layer.isEmbedding && layer.name != "lm_head" && layer.format.code == usual
    }
  }

  /// The layers as they are written.
  private func layers(of artifact: Artifact) -> [Artifact.Layer] {
    guard let form else { return artifact.layers }
    return zip(artifact.layers, turned(artifact.outline)).map { layer, isTurned in
      guard isTurned else { return layer }
      var layer = layer
      layer.weight = Float4Weight(layer.weight, as: form, pool: artifact.pool)
      return layer
    }
  }

  package func write(
    _ artifact: Artifact, into directory: WholeDirectory, telling tell: (String) -> Void = { _ in }
  ) throws {
    let layers = try layers(of: artifact).map { try StoredLayer($0, path: directory.path) }
    var entries: [SafetensorsWriter.Entry] = []
    for layer in layers { entries += try layer.entries() }
    for (name, view) in artifact.others {
      entries.append(.init(name: name, dtype: view.dtype, shape: view.shape))
    }
    let cache = artifact.cacheScales.flatMap {
      [($0.attention + ".k_scale", $0.keys), ($0.attention + ".v_scale", $0.values)]
    }
    for (name, _) in cache {
      entries.append(.init(name: name, dtype: .f32, shape: try Shape(checking: [1])))
    }
    let writer = try ShardedTensors(in: directory, entries: entries)
    var losses: [(name: String, loss: Double)] = []
    for layer in layers {
      if let loss = try layer.write(to: writer) { losses.append((layer.name, loss)) }
    }
    for (name, view) in artifact.others { try writer.write(name, view.bytes) }
    for (name, scale) in cache { try writer.write(name, [scale]) }
    try writer.commit()
    var config = Self.quantizationConfig(layers)
    if !cache.isEmpty {
      config.set("kv_cache_scheme", .object(Self.cacheScheme()))
      tell(
        "Scales of an FP8 cache for \(artifact.cacheScales.count) blocks, from the farthest key and value on the calibration "
          + "text (kv_cache_scheme).")
    }
    try artifact.writeFiles(into: directory, quantization: config)
    if let form, let (name, loss) = losses.max(by: { $0.loss < $1.loss }) {
      tell(
        "\(losses.count) layers in \(form): written with a relative error of up to "
          + "\(Quantity.significant(loss, 2)) (\(name)).")
    }
  }
}
