import Platform
import Tensors

/// A layer of integer codes as the initializers and the node of ONNX Runtime's `MatMulNBits`.
struct MatMulNBitsLayer {
  let name: String
  let weight: IntegerWeight
  /// Columns that share a scale there; divides the groups of the weight, or repeats the scale of a row.
  let block: Int

  private var bits: Int { weight.format.bits }
  private var blocks: Int { (weight.columns + block - 1) / block }

  /// Adds the layer, its numbers to the file.
  func add(to graph: inout ONNXGraph, _ file: WholeFileWriter) throws {
    let size = weight.format.groupSize(columns: weight.columns)
    func group(_ index: Int) -> Int { min(index * block / size, weight.groups - 1) }
    let codes = codes()
    try codes.withUnsafeBytes {
      try graph.add(
        name + ".B", .byte, [weight.rows, blocks, block * bits / 8], $0, file)
    }
    var scales: [Float] = []
    for row in 0..<weight.rows {
      for index in 0..<blocks { scales.append(weight.scale(row: row, group: group(index))) }
    }
    try scales.withUnsafeBytes {
      try graph.add(name + ".scales", .float, [scales.count], $0, file)
    }
    var inputs = [graph.input(columns: weight.columns), name + ".B", name + ".scales"]
    switch weight.format.zeroPoint {
    case .fixed: break
    case .real:
      var zeros: [Float] = []
      for row in 0..<weight.rows {
        for index in 0..<blocks { zeros.append(weight.zero(row: row, group: group(index))) }
      }
      try zeros.withUnsafeBytes {
        try graph.add(name + ".zero_points", .float, [zeros.count], $0, file)
      }
      inputs.append(name + ".zero_points")
    case .integer:
      let width = (blocks * bits + 7) / 8
      var zeros = [UInt8](repeating: 0, count: weight.rows * width)
      for row in 0..<weight.rows {
        for index in 0..<blocks {
          let zero = UInt8(weight.zero(row: row, group: group(index)))
          zeros[row * width + index * bits / 8] |= zero << UInt8(index * bits % 8)
        }
      }
      try zeros.withUnsafeBytes {
        try graph.add(name + ".zero_points", .byte, [zeros.count], $0, file)
      }
      inputs.append(name + ".zero_points")
    }
    graph.add(
      operator: "MatMulNBits", name, inputs: inputs, output: name + ".output",
      columns: weight.rows,
      attributes: [
        ("K", weight.columns), ("N", weight.rows), ("bits", bits), ("block_size", block),
        ("accuracy_level", 1),
      ])
  }

  /// Codes row after row in whole blocks; what lies beyond the end of a row is 0.
  private func codes() -> [UInt8] {
    let width = blocks * block * bits / 8
    var packed = [UInt8](repeating: 0, count: weight.rows * width)
    var line = [UInt8](repeating: 0, count: weight.columns)
    for row in 0..<weight.rows {
      line.withUnsafeMutableBufferPointer {
        if let base = $0.baseAddress { weight.unpack(rows: row..<row + 1, into: base) }
      }
      for (column, code) in line.enumerated() {
        packed[row * width + column * bits / 8] |= code << UInt8(column * bits % 8)
      }
    }
    return packed
  }
}
