package import Platform
import Tensors

/// Checkpoints of AWQ in the form AutoAWQ calls GEMM: 4-bit codes along the rows, zero points always (see `AWQLayout`).
package struct AWQ: ExportFormat {
  package static let name = "awq"
  package static let summary = "safetensors in AutoAWQ's GEMM layout, as AutoAWQ and vLLM read them"

  package init(type: String? = nil) {}

  package func obstacle(_ outline: ArtifactOutline) -> ExportObstacle? {
    if let found = PackedObstacles.find(outline, widths: [4], method: "AWQ") { return found }
    let first = outline.quantized[0]
    let usual = first.format.groupSize(columns: first.columns)
    for layer in outline.quantized {
      guard layer.rows % 8 == 0 else {
        return ExportObstacle(
          "\(layer.name) has \(layer.rows) rows: words hold eight rows", nearest: nil)
      }
      let size = layer.format.groupSize(columns: layer.columns)
      let isWhole = layer.format.plannedGroup == first.format.plannedGroup
      guard layer.columns % size == 0, isWhole || size == usual else {
        return ExportObstacle(
          "\(layer.name) is \(layer.format), \(first.name) \(first.format): one group size is said of all layers",
          nearest: .init(bits: 4, group: 32))
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
    let dense = artifact.layers.compactMap { layer in
      (layer.weight as? DenseWeight).map { (name: layer.name, view: $0.view) }
    }
    let plain = dense.map { (name: $0.name + ".weight", view: $0.view) } + artifact.others
    var entries = plain.map {
      SafetensorsWriter.Entry(name: $0.name, dtype: $0.view.dtype, shape: $0.view.shape)
    }
    for layer in layers {
      let (rows, columns) = (layer.weight.rows, layer.weight.columns)
      entries += [
        .init(
          name: layer.name + ".qweight", dtype: .i32,
          shape: try Shape(checking: [columns, rows / 8])),
        .init(
          name: layer.name + ".qzeros", dtype: .i32,
          shape: try Shape(checking: [layer.groups, rows / 8])),
        .init(
          name: layer.name + ".scales", dtype: .f16,
          shape: try Shape(checking: [layer.groups, rows])),
      ]
    }
    let writer = try ShardedTensors(in: directory, entries: entries)
    for (name, view) in plain { try writer.write(name, view.bytes) }
    for layer in layers {
      try writer.write(layer.name + ".qweight", layer.wordsAlong())
      try writer.write(layer.name + ".qzeros", layer.awqZeros())
      try writer.write(layer.name + ".scales", layer.scales(path: directory.path))
    }
    try writer.commit()
    try artifact.writeFiles(
      into: directory, quantization: Self.config(layers, left: dense.map(\.name)))
    PackedLayer.report(layers, tell)
  }

  private static func config(_ layers: [PackedLayer], left: [String]) -> JSONObject {
    let group = layers.first?.weight.format.plannedGroup ?? 128
    var config = JSONObject()
    config.set("quant_method", .string("awq"))
    config.set("version", .string("gemm"))
    config.set("bits", .number(JSONNumber(4)))
    config.set("group_size", .number(JSONNumber(group == 0 ? -1 : group)))
    config.set("zero_point", .bool(true))
    config.set(
      "modules_to_not_convert", left.isEmpty ? .null : .array(left.map { .string($0) }))
    return config
  }
}
