package import Platform
import Tensors
import Wording

/// Checkpoints of GPTQ as AutoGPTQ and GPTQModel read them: `qweight`, `qzeros`, `scales` and `g_idx` of each layer
/// (see `GPTQLayout`).
///
/// Without a type it is the first version, which stores zero points less one, unless one is 0: the readers of that version
/// differ in what they make of it, so the file becomes `gptq_v2`. Layers unlike most are named under `dynamic`.
package struct GPTQ: ExportFormat {
  package static let name = "gptq"
  package static let summary = "safetensors as AutoGPTQ, GPTQModel and vLLM read them"
  package static let types = ["v1", "v2"]

  private static let widths = [2, 3, 4, 8]
  private let version: String?

  package init(type: String?) { version = type }

  package func obstacle(_ outline: ArtifactOutline) -> ExportObstacle? {
    if let found = PackedObstacles.find(outline, widths: Self.widths, method: "GPTQ") {
      return found
    }
    for layer in outline.quantized {
      let bits = layer.format.bits
      guard layer.columns * bits % 32 == 0, layer.rows * bits % 32 == 0 else {
        return ExportObstacle(
          "\(layer.name) has \(layer.rows) x \(layer.columns) codes of \(bits) bits: rows and columns fill words of 32 bits",
          nearest: bits == 8 ? nil : .init(bits: 8))
      }
      let size = layer.format.groupSize(columns: layer.columns)
      guard layer.columns % size == 0 else {
        return ExportObstacle(
          "\(layer.name): groups of \(size) do not divide \(layer.columns) columns",
          nearest: .init(bits: bits, group: -1))
      }
    }
    return nil
  }

  package func write(
    _ artifact: Artifact, into directory: WholeDirectory, telling tell: (String) -> Void
  ) throws {
    let layers = artifact.layers.compactMap { layer in
      (layer.weight as? IntegerWeight).map { PackedLayer(name: layer.name, weight: $0) }
    }
    let hasZero = layers.contains { $0.weight.zeros.contains(0) }
    let isSecond = version == "v2" || version == nil && hasZero
    guard isSecond || !hasZero else {
      throw CheckpointError.unsupported(
        file: directory.path, item: "checkpoint_format", found: "zero points of 0 for gptq:v1",
        known: "its readers differ on these; gptq:v2 holds them")
    }
    var entries: [SafetensorsWriter.Entry] = []
    for layer in artifact.layers {
      if let dense = layer.weight as? DenseWeight {
        entries.append(
          .init(name: layer.name + ".weight", dtype: dense.view.dtype, shape: dense.view.shape))
      }
    }
    for layer in layers { entries += try Self.entries(layer) }
    for (name, view) in artifact.others {
      entries.append(.init(name: name, dtype: view.dtype, shape: view.shape))
    }
    let writer = try ShardedTensors(in: directory, entries: entries)
    for layer in artifact.layers {
      if let dense = layer.weight as? DenseWeight {
        try writer.write(layer.name + ".weight", dense.view.bytes)
      }
    }
    for layer in layers {
      try writer.write(layer.name + ".qweight", layer.wordsDown())
      try writer.write(layer.name + ".qzeros", layer.zerosAlong(less: isSecond ? 0 : 1))
      try writer.write(layer.name + ".scales", layer.scales(path: directory.path))
      try writer.write(
        layer.name + ".g_idx",
        (0..<layer.weight.columns).map { Int32(truncatingIfNeeded: $0 / layer.groupSize) })
    }
    for (name, view) in artifact.others { try writer.write(name, view.bytes) }
    try writer.commit()
    let config = Self.config(artifact, layers, isSecond: isSecond)
    try artifact.writeFiles(into: directory, quantization: config)
    try WholeFile.write(
      JSONValue.object(config).text(indent: 2) + "\n",
      to: directory.path(of: "quantize_config.json"))
    PackedLayer.report(layers, tell)
  }

  private static func entries(_ layer: PackedLayer) throws -> [SafetensorsWriter.Entry] {
    let (rows, columns, bits) = (layer.weight.rows, layer.weight.columns, layer.weight.format.bits)
    return [
      .init(
        name: layer.name + ".qweight", dtype: .i32,
        shape: try Shape(checking: [columns * bits / 32, rows])),
      .init(
        name: layer.name + ".qzeros", dtype: .i32,
        shape: try Shape(checking: [layer.groups, rows * bits / 32])),
      .init(
        name: layer.name + ".scales", dtype: .f16,
        shape: try Shape(checking: [layer.groups, rows])),
      .init(name: layer.name + ".g_idx", dtype: .i32, shape: try Shape(checking: [columns])),
    ]
  }

  /// What most layers are, and under `dynamic` what the others are.
  private static func config(
    _ artifact: Artifact, _ layers: [PackedLayer], isSecond: Bool
  ) -> JSONObject {
    var counts: [WeightFormat: Int] = [:]
    for layer in layers { counts[layer.weight.format, default: 0] += 1 }
    let usual = counts.max { ($0.value, "\($1.key)") < ($1.value, "\($0.key)") }?.key
    func parts(_ format: WeightFormat) -> [(String, JSONValue)] {
      [
        ("bits", .number(JSONNumber(format.bits))),
        (
          "group_size",
          .number(JSONNumber(format.plannedGroup == 0 ? -1 : format.plannedGroup ?? -1))
        ),
        ("sym", .bool(format.isSymmetric)),
      ]
    }
    var config = JSONObject()
    config.set("quant_method", .string("gptq"))
    for (name, value) in usual.map(parts) ?? [] { config.set(name, value) }
    config.set("desc_act", .bool(false))
    config.set("static_groups", .bool(true))
    config.set("true_sequential", .bool(true))
    config.set("lm_head", .bool(false))
    config.set("checkpoint_format", .string(isSecond ? "gptq_v2" : "gptq"))
    var dynamic = JSONObject()
    for layer in artifact.layers where layer.weight is DenseWeight {
      dynamic.set("-:^" + layer.name.replacing(".", with: "\\.") + "$", .object(JSONObject()))
    }
    for layer in layers where layer.weight.format != usual {
      var own = JSONObject()
      for (name, value) in parts(layer.weight.format) { own.set(name, value) }
      dynamic.set("+:^" + layer.name.replacing(".", with: "\\.") + "$", .object(own))
    }
    if !dynamic.members.isEmpty { config.set("dynamic", .object(dynamic)) }
    return config
  }
}

extension PackedLayer {
  /// What FP16 scales lost, in one sentence.
  static func report(_ layers: [PackedLayer], _ tell: (String) -> Void) {
    let worst = layers.map { ($0.name, $0.rounding) }.max { $0.1 < $1.1 }
    guard let (name, rounding) = worst, rounding > 0 else {
      tell("\(layers.count) layers: written without loss.")
      return
    }
    tell(
      "\(layers.count) layers: codes as they are, scales rounded to FP16, by a relative \(Quantity.significant(rounding, 2)) at "
        + "the most (\(name)).")
  }
}
