package import Platform
package import Tensors

/// What a rotation of its neighbours makes of a weight: `W <- R_out W diag(gains) R_in^T`.
///
/// R_in turns what comes in, R_out what goes out: `y = W x` becomes `R_out y = W' (R_in x / gains)`. A
/// rotation of less than all channels is one of each run of them, such as a head.
package struct WeightRotation: Sendable {
  /// `[columns]`, the gains of the norm in front, which then has none.
  package var gains: [Float]?
  package var input: PreparedRotation?
  package var output: PreparedRotation?

  package init(
    gains: [Float]? = nil, input: PreparedRotation? = nil, output: PreparedRotation? = nil
  ) {
    self.gains = gains
    self.input = input
    self.output = output
  }

  /// The weight with the rotations folded in, in float64, stored as BF16, FP16 or else float32.
  ///
  /// Between a turn of both sides values are float32.
  /// - Throws: `RotationError.notDense`, `.size`.
  package func applied(
    to weight: any LinearWeight, layer: String, storedAs type: DType = .f32, pool: WorkerPool?
  ) throws -> DenseWeight {
    guard weight is DenseWeight else {
      throw RotationError.notDense(layer: layer, format: "\(weight.format)")
    }
    let (rows, columns) = (weight.rows, weight.columns)
    try Self.check(columns, gains?.count, exactly: true, "inputs", layer)
    try Self.check(columns, input?.dimension, exactly: false, "inputs", layer)
    try Self.check(rows, output?.dimension, exactly: false, "outputs", layer)
    try weight.expectRoom(2 * MemoryLayout<Float>.stride)
    var values = weight.dequantized()
    values.withUnsafeMutableBufferPointer { values in
      guard let values = values.baseAddress else { return }
      turnRows(values, rows, columns, pool)
      turnColumns(values, rows, columns, pool)
    }
    return try DenseWeight(
      Self.view(values, shape: Shape(checking: [rows, columns]), storedAs: type))
  }

  /// The bias turned as the outputs are.
  package func applied(toBias bias: [Float]) -> [Float] {
    guard let output else { return bias }
    var wide = bias.map { Double($0) }
    wide.withUnsafeMutableBufferPointer { wide in
      guard let base = wide.baseAddress else { return }
      for start in stride(from: 0, to: wide.count, by: output.dimension) {
        output.apply(base + start)
      }
    }
    return wide.map { Float($0) }
  }

  static func view(_ values: [Float], shape: Shape, storedAs type: DType) throws -> TensorView {
    switch type {
    case .bf16: try TensorView(dtype: type, shape: shape, copying: values.map(FloatFormats.bf16))
    case .f16: try TensorView(dtype: type, shape: shape, copying: values.map(FloatFormats.f16))
    default: try TensorView(dtype: .f32, shape: shape, copying: values)
    }
  }

  private static func check(
    _ count: Int, _ part: Int?, exactly: Bool, _ side: String, _ layer: String
  ) throws(RotationError) {
    guard let part else { return }
    guard exactly ? count == part : count % part == 0 else {
      throw .size(
        layer: layer, side: side, expected: exactly ? "\(part)" : "a multiple of \(part)",
        found: count)
    }
  }

  /// Gains, then the rotation of what comes in: each row by itself.
  private func turnRows(
    _ values: UnsafeMutablePointer<Float>, _ rows: Int, _ columns: Int, _ pool: WorkerPool?
  ) {
    guard gains != nil || input != nil else { return }
    eachChunk(rows, on: pool) { row in
      let line = values + row * columns
      withUnsafeTemporaryAllocation(of: Double.self, capacity: columns) { wide in
        guard let base = wide.baseAddress else { return }
        for column in 0..<columns { wide[column] = Double(line[column]) }
        if let gains {
          for column in 0..<columns { wide[column] *= Double(gains[column]) }
        }
        if let input {
          for start in stride(from: 0, to: columns, by: input.dimension) {
            input.apply(base + start)
          }
        }
        for column in 0..<columns { line[column] = Float(wide[column]) }
      }
    }
  }

  /// The rotation of what goes out: each column by itself, eight at a time so that lines of memory are read whole.
  private func turnColumns(
    _ values: UnsafeMutablePointer<Float>, _ rows: Int, _ columns: Int, _ pool: WorkerPool?
  ) {
    guard let output else { return }
    let together = 8
    eachChunk((columns + together - 1) / together, on: pool) { chunk in
      let first = chunk * together
      let count = min(together, columns - first)
      withUnsafeTemporaryAllocation(of: Double.self, capacity: count * rows) { wide in
        guard let base = wide.baseAddress else { return }
        for row in 0..<rows {
          for column in 0..<count {
            wide[column * rows + row] = Double(values[row * columns + first + column])
          }
        }
        for start in stride(from: 0, to: count * rows, by: output.dimension) {
          output.apply(base + start)
        }
        for row in 0..<rows {
          for column in 0..<count {
            values[row * columns + first + column] = Float(wide[column * rows + row])
          }
        }
      }
    }
  }
}

/// Why a model cannot be rotated; each case carries its evidence.
package enum RotationError: Error, Hashable, Sendable {
  case malformed(text: String)
  /// A model whose blocks do not compute the same after a rotation; `block` is nil for what stands around them.
  case notPossible(block: Int?, obstacle: String)
  case notDense(layer: String, format: String)
  case size(layer: String, side: String, expected: String, found: Int)
}

extension RotationError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .malformed(let text):
      "'\(text)' is no rotation: expected SEED[:heads], such as 0 or 7:heads"
    case .notPossible(let block, let obstacle):
      "rotating: \(block.map { "block \($0)" } ?? "the model"): expected norms whose gains go into the layers that "
        + "read them, found \(obstacle)"
    case .notDense(let layer, let format):
      "rotating: \(layer): expected weights in BF16, FP16 or float32, found \(format)"
    case .size(let layer, let side, let expected, let found):
      "rotating: \(layer): expected \(expected) \(side), found \(found)"
    }
  }
}
