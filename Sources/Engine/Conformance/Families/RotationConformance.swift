import Platform
import Quantization
import Tensors

/// QuaRot's rotation of a residual stream: the matrix, the weights around a norm, and what they compute.
///
/// Outputs `hadKxM_applied` are rows of `in.x_KxM` times the Hadamard matrix of order K M on the core `in.hadK`.
package enum RotationConformance: ConformanceFamily {
  package static func claims(_ item: ConformanceCase) -> Bool { item.method == "Rotation" }

  package static func run(_ run: inout ConformanceRun) throws {
    let signs = try run.fixture.floats("in.signs")
    guard let hadamard = HadamardMatrix(order: signs.count) else {
      throw ConformanceError.unsupported("no Hadamard matrix of order \(signs.count) is known here")
    }
    let rotation = try PreparedRotation(hadamard, signs: signs)
    let gains = try run.fixture.floats("in.ln_weight")
    let reader = WeightRotation(gains: gains, input: rotation)
    let writer = WeightRotation(output: rotation)
    func turned(_ name: String, _ change: WeightRotation) throws -> DenseWeight {
      try change.applied(
        to: DenseWeight(run.fixture.view("in." + name)), layer: name, pool: run.pool)
    }
    for output in run.item.outputs {
      switch output {
      case "Q": try run.check(output, transposed(rotation.matrix, of: rotation.dimension))
      case "W_in_rotated": try run.check(output, turned("W_in", reader).dequantized())
      case "W_out_rotated": try run.check(output, turned("W_out", writer).dequantized())
      case "y":
        let weight = try turned("W_in", reader)
        var stream = try run.fixture.floats("in.X")
        try rotation.apply(toRows: &stream)
        let normed = normalized(
          stream, width: rotation.dimension,
          epsilon: run.item.params["rms_eps"]?.double ?? 1e-5)
        try run.check(
          output,
          ReferenceProduct.of(
            normed, weight.dequantized(), rows: weight.rows, columns: weight.columns))
      default:
        guard let sizes = sizes(of: output) else {
          run.skip(output, because: "its name says no part of a rotation")
          continue
        }
        let matrix = try HadamardMatrix(
          order: sizes.core * sizes.block, core: run.fixture.floats("in.had\(sizes.core)"))
        let plain = try PreparedRotation(
          matrix, signs: [Float](repeating: 1, count: matrix.order))
        var rows = try run.fixture.floats("in.x_\(sizes.core)x\(sizes.block)")
        try plain.apply(toRows: &rows)
        try run.check(output, rows)
      }
    }
  }

  /// K and M of `hadKxM_applied`.
  private static func sizes(of output: String) -> (core: Int, block: Int)? {
    guard output.hasPrefix("had"), output.hasSuffix("_applied") else { return nil }
    let parts = output.dropFirst(3).dropLast(8).split(separator: "x").map { Int($0) }
    guard parts.count == 2, let core = parts[0], let block = parts[1],
      (1...HadamardMatrix.largestCore).contains(core), (1...1 << 20).contains(block)
    else { return nil }
    return (core, block)
  }

  private static func transposed(_ matrix: [Float], of width: Int) -> [Float] {
    matrix.indices.map { matrix[$0 % width * width + $0 / width] }
  }

  /// Each row over its root mean square.
  private static func normalized(_ rows: [Float], width: Int, epsilon: Double) -> [Float] {
    stride(from: 0, to: rows.count, by: width).flatMap { start in
      let row = rows[start..<start + width]
      let square = row.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(width)
      return row.map { Float(Double($0) / (square + epsilon).squareRoot()) }
    }
  }
}
