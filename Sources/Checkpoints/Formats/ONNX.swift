package import Platform
import Tensors

/// The linear layers of a model as ONNX Runtime's `MatMulNBits` (domain `com.microsoft`): what makes it a witness of the
/// operator.
///
/// One graph, `model.onnx`, with its weights in `model.onnx.data`: a node for each quantized layer, `LAYER.output` of shape
/// `[tokens, rows]`, and an input for each width, `input_COLUMNS` of shape `[tokens, columns]`, float32. Blocks are along the
/// columns, `[rows, blocks, block * bits / 8]`, the least significant bits first; scales are float32; zero points lie in bits
/// like codes, real ones in float32. What is between the layers is not in the graph.
package struct ONNX: ExportFormat {
  package static let name = "onnx"
  package static let summary =
    "MatMulNBits nodes of the linear layers alone, for ONNX Runtime to be held against"

  private static let widths = [2, 4, 8]
  static let dataFile = "model.onnx.data"

  package init(type: String? = nil) {}

  package func obstacle(_ outline: ArtifactOutline) -> ExportObstacle? {
    guard !outline.quantized.isEmpty else {
      return ExportObstacle(
        "the recipe leaves every layer in floating point, and MatMulNBits multiplies codes",
        nearest: .init(bits: 4, group: 128))
    }
    for layer in outline.quantized where !layer.isEmbedding {
      let found = "\(layer.name) is \(layer.format)"
      guard case .integer(let bits) = layer.format.code, Self.widths.contains(bits) else {
        let bits = layer.format.isFloat ? 4 : layer.format.bits
        return ExportObstacle(
          "\(found): MatMulNBits multiplies codes of 2, 4 and 8 bits",
          nearest: .init(
            bits: Self.widths.first { $0 >= bits } ?? 8, dropsActivations: true,
            exceptions: Self.widths))
      }
      guard case .float = layer.activation else {
        return ExportObstacle(
          "\(layer.name): its inputs are quantized, and MatMulNBits takes floating-point ones",
          nearest: .init(bits: bits, dropsActivations: true))
      }
      guard Self.block(layer.format, columns: layer.columns) != nil else {
        return ExportObstacle(
          "\(found): blocks of MatMulNBits are powers of two from 16",
          nearest: .init(bits: bits, group: 128))
      }
    }
    return nil
  }

  /// The block that divides a group, at most 256; nil for none.
  static func block(_ format: WeightFormat, columns: Int) -> Int? {
    let size = format.groupSize(columns: columns)
    // Scales of a whole row are repeated; a block may reach beyond its end.
    if size >= columns { return 128 }
    return [256, 128, 64, 32, 16].first { size % $0 == 0 }
  }

  package func write(
    _ artifact: Artifact, into directory: WholeDirectory, telling tell: (String) -> Void
  ) throws {
    let layers = artifact.layers.compactMap { layer -> MatMulNBitsLayer? in
      guard !layer.isEmbedding, let weight = layer.weight as? IntegerWeight,
        let block = Self.block(weight.format, columns: weight.columns)
      else { return nil }
      return MatMulNBitsLayer(name: layer.name, weight: weight, block: block)
    }
    let data = try WholeFileWriter(path: directory.path(of: Self.dataFile))
    var graph = ONNXGraph(dataFile: Self.dataFile)
    for layer in layers { try layer.add(to: &graph, data) }
    try data.commit()
    try WholeFile.write(graph.model(), to: directory.path(of: "model.onnx"))
    let rest = artifact.layers.count - layers.count
    tell(
      "\(layers.count) layers as MatMulNBits: codes, scales and zero points without loss; \(rest) other layers and what is "
        + "between them are not in the graph.")
  }
}
