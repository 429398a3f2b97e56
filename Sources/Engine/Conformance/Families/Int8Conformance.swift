import Quantization
import Tensors

/// W8A8: INT8 weights a channel, INT8 activations a token, and their product.
package enum Int8Conformance: ConformanceFamily {
  package static func claims(_ item: ConformanceCase) -> Bool { item.method == "W8A8-INT8" }

  package static func run(_ run: inout ConformanceRun) throws {
    let columns = try run.fixture.dimensions("in.X", rank: 2)[1]
    let rows = try run.fixture.dimensions("in.W", rank: 2)[0]
    let activations = try run.fixture.floats("in.X")
    let weight = try RoundToNearest.quantize(
      DenseWeight(run.fixture.view("in.W")),
      as: WeightFormat(code: .integer(bits: 8), granularity: .channel),
      .init(grid: .compressedTensors, scaleType: .f32), layer: "W", pool: run.pool
    ).weight
    var codes = [UInt8](repeating: 0, count: rows * weight.columns)
    weight.unpack(rows: 0..<rows, into: &codes)
    try run.check("weight", codes.map { Int($0) - 128 })
    try run.check("weight_scale", weight.scales)

    let tokens = TokenGrid.compressedTensors.encode(activations, columns: columns)
    try run.check("x_codes", tokens.codes)
    try run.check("x_scale", tokens.scales)
    let shifted = TokenGrid.compressedTensorsAsymmetric.encode(activations, columns: columns)
    try run.check("xasym_codes", shifted.codes)
    try run.check("xasym_scale", shifted.scales)
    try run.check("xasym_zp", shifted.zeros)
    let runtime = TokenGrid.runtime.encode(activations, columns: columns)
    try run.check("runtime127.x_codes", runtime.codes)
    try run.check("runtime127.x_scale", runtime.scales)

    // The sums are asked for from the codes of the fixture.
    let x = try run.fixture.view("out.x_codes").elements(as: Int8.self)
    let w = try run.fixture.view("out.weight").elements(as: Int8.self)
    let sums = products(x, w, columns: columns)
    try run.check("acc_int32", sums)
    let outputs = sums.enumerated().map { index, sum in
      Double(sum) * Double(tokens.scales[index / rows]) * Double(weight.scales[index % rows])
    }
    try run.check("y", outputs)
  }

  /// `x w^T` of `[tokens, columns]` and `[rows, columns]` codes.
  private static func products(_ x: [Int8], _ w: [Int8], columns: Int) -> [Int32] {
    var result: [Int32] = []
    for token in stride(from: 0, to: x.count, by: columns) {
      for row in stride(from: 0, to: w.count, by: columns) {
        var sum: Int32 = 0
        for column in 0..<columns {
          sum &+= Int32(x[token + column]) &* Int32(w[row + column])
        }
        result.append(sum)
      }
    }
    return result
  }
}
