import Tensors

/// Layers that become 4-bit floats: `weight_packed` U8 `[rows, columns / 2]`, the first of two codes in the low half;
/// `weight_scale`, E4M3 of groups of 16 with `weight_global_scale` F32 `[1]`, or exponents (U8) of groups of 32.
extension CompressedTensors.StoredLayer {
  func entries(_ floats: Float4Weight) throws -> [SafetensorsWriter.Entry] {
    let groups = floats.columns / Float4Groups.size(floats.form)
    let isScaled = floats.form == .nvfp4
    var entries = [
      SafetensorsWriter.Entry(
        name: name + ".weight_packed", dtype: .u8,
        shape: try Shape(checking: [floats.rows, floats.columns / 2])),
      .init(
        name: name + ".weight_scale", dtype: isScaled ? .f8e4m3 : .u8,
        shape: try Shape(checking: [floats.rows, groups])),
    ]
    if isScaled {
      entries.append(
        .init(name: name + ".weight_global_scale", dtype: .f32, shape: try Shape(checking: [1])))
    }
    return entries
  }

  /// Writes codes and scales; yields what turning the layer into 4-bit floats lost, relative.
  func write(_ floats: Float4Weight, to writer: ShardedTensors) throws -> Double {
    var (error, size) = (0.0, 0.0)
    let step = max(1, Self.pieceBytes / max(1, floats.columns * 4))
    for first in stride(from: 0, to: floats.rows, by: step) {
      for row in floats.coded(first..<min(first + step, floats.rows)) {
        try writer.write(name + ".weight_packed", row.groups.packed)
        try writer.write(name + ".weight_scale", row.groups.scales)
        error += row.error
        size += row.size
      }
    }
    if floats.form == .nvfp4 { try writer.write(name + ".weight_global_scale", [floats.global]) }
    return size == 0 ? 0 : (error / size).squareRoot()
  }

  /// Bytes of numbers that are turned at once.
  private static var pieceBytes: Int { 8 << 20 }
}
