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

  func write(_ floats: Float4Weight, to writer: ShardedTensors) throws {
    for row in 0..<floats.rows {
      let groups = floats.row(row).groups
      try writer.write(name + ".weight_packed", groups.packed)
      try writer.write(name + ".weight_scale", groups.scales)
    }
    if floats.form == .nvfp4 { try writer.write(name + ".weight_global_scale", [floats.global]) }
  }

  /// What turning the layer into 4-bit floats lost, relative; nil for other layers.
  var loss: Double? {
    guard let floats = weight as? Float4Weight else { return nil }
    var (error, size) = (0.0, 0.0)
    for row in 0..<floats.rows {
      let (groups, numbers) = floats.row(row)
      for (before, after) in zip(numbers, floats.values(groups)) {
        error += Double((before - after) * (before - after))
        size += Double(before * before)
      }
    }
    return size == 0 ? 0 : (error / size).squareRoot()
  }
}
