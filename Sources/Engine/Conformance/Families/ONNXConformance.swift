import Tensors

/// ONNX Runtime's MatMulNBits: codes a block along the columns, zero points a row, and the product with activations.
///
/// An output's first part says bits, block and zero points: `b4_bs32_asym`.
package enum ONNXConformance: ConformanceFamily {
  package static func claims(_ item: ConformanceCase) -> Bool { item.method == "format:ONNX" }

  package static func run(_ run: inout ConformanceRun) throws {
    for output in run.item.outputs where output.hasSuffix(".B") {
      try check(String(output.dropLast(2)), &run)
    }
  }

  private static func check(_ label: String, _ run: inout ConformanceRun) throws {
    guard let bits = Int(label.dropFirst().prefix { $0.isNumber }) else {
      return run.skip(label + ".B", because: "its name does not say bits")
    }
    let shape = try run.fixture.dimensions("out.\(label).B", rank: 3)
    let (rows, blocks, size) = (shape[0], shape[1], shape[2] * 8 / bits)
    // Read from what is stored: least significant bit first, each row of zero points up to a whole byte.
    let codes = unpacked(
      try run.fixture.view("out.\(label).B").elements(as: UInt8.self), bits: bits,
      each: blocks * size, lines: rows)
    let hasZeros = run.lists(label + ".zero_points")
    let zeros =
      hasZeros
      ? unpacked(
        try run.fixture.view("out.\(label).zero_points").elements(as: UInt8.self), bits: bits,
        each: blocks, lines: rows)
      : [Int](repeating: 1 << (bits - 1), count: rows * blocks)
    let columns = try run.fixture.dimensions("in.A", rank: 2)[1]
    let inputs = try run.fixture.numbers("in.A")
    let scales = try run.fixture.numbers("in.\(label).scales")
    var products: [Double] = []
    for token in stride(from: 0, to: inputs.count, by: columns) {
      for row in 0..<rows {
        var sum = 0.0
        for column in 0..<columns {
          let block = row * blocks + column / size
          let code = codes[row * blocks * size + column]
          sum += inputs[token + column] * scales[block] * Double(code - zeros[block])
        }
        products.append(sum)
      }
    }
    try run.check(label + ".Y", products)
    try run.check(
      label + ".B",
      packed(run.fixture.numbers("in.\(label).codes"), bits: bits, each: blocks * size))
    if hasZeros {
      try run.check(
        label + ".zero_points",
        packed(run.fixture.numbers("in.\(label).zero"), bits: bits, each: blocks))
    }
  }

  private static func unpacked(_ bytes: [UInt8], bits: Int, each count: Int, lines: Int) -> [Int] {
    let width = (count * bits + 7) / 8
    return (0..<lines).flatMap { line in
      (0..<count).map { place in
        let bit = place * bits
        return Int(bytes[line * width + bit / 8]) >> (bit % 8) & ((1 << bits) - 1)
      }
    }
  }

  private static func packed(_ codes: [Double], bits: Int, each count: Int) -> [Int] {
    let width = (count * bits + 7) / 8
    return stride(from: 0, to: codes.count, by: count).flatMap { start in
      var line = [Int](repeating: 0, count: width)
      for place in 0..<count {
        line[place * bits / 8] |= Int(codes[start + place]) << (place * bits % 8)
      }
      return line
    }
  }
}
