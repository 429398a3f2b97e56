import Quantization

/// W8A8 in FP8: a scale a tensor, channel or token that moves the largest magnitude to the largest number.
package enum FP8Conformance: ConformanceFamily {
  package static func claims(_ item: ConformanceCase) -> Bool {
    item.method == "FP8" && item.tensor("in.W") != nil && item.tensor("in.X") != nil
  }

  package static func run(_ run: inout ConformanceRun) throws {
    let weight = try Matrix(run.fixture, "in.W")
    let activations = try Matrix(run.fixture, "in.X")
    guard weight.columns == activations.columns else {
      throw ConformanceError.malformed(
        file: run.item.file, item: "in.X", expected: "\(weight.columns) columns",
        found: "\(activations.columns)")
    }
    let channel = Coded(weight, .e4m3, perRow: true)
    let token = Coded(activations, .e4m3, perRow: true)
    let wholeWeight = Coded(weight, .e4m3, perRow: false)
    let wholeActivations = Coded(activations, .e4m3, perRow: false)
    let wide = Coded(weight, .e5m2, perRow: true)
    let coded: [(String, Coded)] = [
      ("channel.weight", channel), ("token.x", token), ("tensor.weight", wholeWeight),
      ("tensor.x", wholeActivations), ("e5m2.channel.weight", wide),
    ]
    for (name, coded) in coded where run.lists(name) {
      try run.check(name, coded.bytes)
      try run.check(name + "_scale", coded.scales)
    }
    let products: [(String, Coded, Coded)] = [
      ("y_channel_token", token, channel), ("y_tensor_tensor", wholeActivations, wholeWeight),
    ]
    for (name, x, w) in products where run.lists(name) {
      try run.check(name, product(x.values, w.values, columns: weight.columns))
    }
  }

  private struct Matrix {
    let values: [Float]
    let columns: Int

    init(_ fixture: ConformanceFixture, _ name: String) throws {
      columns = try fixture.dimensions(name, rank: 2)[1]
      values = try fixture.floats(name)
    }
  }

  /// A matrix in 8-bit floats, with a scale a row or one for all.
  private struct Coded {
    private(set) var bytes: [UInt8]
    private(set) var scales: [Float] = []
    private(set) var values: [Float]

    init(_ matrix: Matrix, _ grid: FloatGrid, perRow: Bool) {
      let source = matrix.values
      let length = perRow ? matrix.columns : source.count
      bytes = [UInt8](repeating: 0, count: source.count)
      values = [Float](repeating: 0, count: source.count)
      for start in stride(from: 0, to: source.count, by: length) {
        let row = Array(source[start..<start + length])
        let scale = grid.scale(of: ValueRange(lowest: row.min() ?? 0, highest: row.max() ?? 0))
        scales.append(scale)
        bytes.withUnsafeMutableBufferPointer { bytes in
          values.withUnsafeMutableBufferPointer { values in
            guard let bytes = bytes.baseAddress, let values = values.baseAddress else { return }
            grid.encode(row, count: length, scale: scale, into: bytes + start)
            grid.decode(bytes + start, count: length, scale: scale, into: values + start)
          }
        }
      }
    }
  }

  /// `x w^T` of `[tokens, columns]` and `[rows, columns]`.
  private static func product(_ x: [Float], _ w: [Float], columns: Int) -> [Double] {
    var products: [Double] = []
    for token in stride(from: 0, to: x.count, by: columns) {
      for row in stride(from: 0, to: w.count, by: columns) {
        var sum = 0.0
        for column in 0..<columns { sum += Double(x[token + column]) * Double(w[row + column]) }
        products.append(sum)
      }
    }
    return products
  }
}
