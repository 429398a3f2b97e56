import Platform

/// A random rotation of the vectors of a cache, made anew from its seed wherever it is needed.
///
/// It spreads what is in few channels over all of them. The dense one is uniform over all rotations
/// (Haar), d^2 products a vector; the Hadamard one, signs and then butterflies, does as well in
/// practice in d log d additions.
package enum KVRotation: Hashable, Sendable, Codable {
  /// Hadamard's matrix over sqrt(d), times random signs of the channels; dense where no order is known.
  case hadamard(seed: UInt64)
  /// QR of a Gaussian matrix, the signs of R's diagonal positive.
  case dense(seed: UInt64)

  /// Row by row `[d, d]`, orthogonal: the rotated vector is `y = M x`, and `x = M^T y`.
  package func matrix(dimension: Int) -> [Float] { prepared(dimension: dimension).matrix }

  /// Ready to be applied to vectors of `dimension` channels.
  package func prepared(dimension: Int) -> PreparedRotation {
    PreparedRotation(self, dimension: dimension)
  }

  /// What it is at a dimension: `Hadamard of 96 = 12 x 8`, `dense (no Hadamard of order 50)`.
  package func kind(dimension: Int) -> String {
    switch self {
    case .dense: return "dense of \(dimension)"
    case .hadamard:
      guard let matrix = HadamardMatrix(order: dimension) else {
        return "dense (no Hadamard of order \(dimension))"
      }
      return "\(matrix)"
    }
  }

  package var seed: UInt64 {
    switch self {
    case .hadamard(let seed), .dense(let seed): seed
    }
  }

  /// `[d, d]` row by row, independent and standard normal: the projection of the 1-bit QJL residual.
  ///
  /// Neither orthogonal nor scaled (A. Zandieh et al., "QJL", arXiv 2406.03482, 2024).
  package static func gaussian(dimension: Int, seed: UInt64) -> [Float] {
    precondition(dimension >= 1, "a projection needs 1 dimension, found \(dimension)")
    var generator = SeededGenerator(seed: seed, stream: [Stream.gaussian, UInt64(dimension)])
    return generator.normals(dimension * dimension)
  }

  /// One stream of random numbers for each use, so that a seed can serve several.
  enum Stream {
    static let signs: UInt64 = 1
    static let dense: UInt64 = 2
    static let gaussian: UInt64 = 3
  }
}

extension KVRotation: CustomStringConvertible {
  package var description: String {
    switch self {
    case .hadamard(let seed): "Hadamard rotation, seed \(seed)"
    case .dense(let seed): "dense rotation, seed \(seed)"
    }
  }
}

/// A rotation of one dimension with its signs or its matrix made.
package struct PreparedRotation: Sendable, Hashable {
  package let dimension: Int
  private let form: Form

  private enum Form: Hashable {
    case hadamard(HadamardMatrix, signs: [Float])
    /// `[d, d]` row by row.
    case dense([Float])
  }

  init(_ rotation: KVRotation, dimension: Int) {
    precondition(dimension >= 1, "a rotation needs 1 dimension, found \(dimension)")
    self.dimension = dimension
    if case .hadamard(let seed) = rotation, let matrix = HadamardMatrix(order: dimension) {
      var generator = SeededGenerator(
        seed: seed, stream: [KVRotation.Stream.signs, UInt64(dimension)])
      let signs = (0..<dimension).map { _ in Float(generator.next() >> 63 == 0 ? 1 : -1) }
      form = .hadamard(matrix, signs: signs)
    } else {
      var generator = SeededGenerator(
        seed: rotation.seed, stream: [KVRotation.Stream.dense, UInt64(dimension)])
      form = .dense(Self.orthonormal(dimension, &generator).map { Float($0) })
    }
  }

  /// Signs and a Hadamard matrix from elsewhere: `y = H diag(signs) x / sqrt(d)`.
  package init(_ matrix: HadamardMatrix, signs: [Float]) throws(TensorError) {
    guard signs.count == matrix.order, signs.allSatisfy({ $0 == 1 || $0 == -1 }) else {
      throw .outOfRange(
        what: "signs of a rotation", expected: "\(matrix.order) of 1 and -1",
        found: "\(signs.count) numbers, or others among them")
    }
    dimension = matrix.order
    form = .hadamard(matrix, signs: signs)
  }

  /// Row by row `[d, d]`: `y = M x`.
  package var matrix: [Float] {
    if case .dense(let matrix) = form { return matrix }
    var result = [Float](repeating: 0, count: dimension * dimension)
    var column = [Float](repeating: 0, count: dimension)
    for index in 0..<dimension {
      for row in 0..<dimension { column[row] = row == index ? 1 : 0 }
      column.withUnsafeMutableBufferPointer { if let base = $0.baseAddress { apply(base) } }
      for row in 0..<dimension { result[row * dimension + index] = column[row] }
    }
    return result
  }

  /// Rotates `dimension` values in place: `x <- M x`.
  package func apply(_ values: UnsafeMutablePointer<Float>) { turn(values) }
  package func apply(_ values: UnsafeMutablePointer<Double>) { turn(values) }

  /// Turns back: `x <- M^T x`.
  package func applyInverse(_ values: UnsafeMutablePointer<Float>) { turnBack(values) }
  package func applyInverse(_ values: UnsafeMutablePointer<Double>) { turnBack(values) }

  /// Rotates each run of `dimension` values, in place.
  ///
  /// - Throws: `TensorError.outOfRange` unless the values are whole vectors.
  package func apply(toRows values: inout [Float]) throws(TensorError) {
    guard values.count % dimension == 0 else {
      throw .outOfRange(
        what: "values to rotate", expected: "whole vectors of \(dimension)",
        found: "\(values.count) values")
    }
    let count = values.count
    values.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      for start in stride(from: 0, to: count, by: dimension) { apply(base + start) }
    }
  }

  private func turn<Value: BinaryFloatingPoint>(_ values: UnsafeMutablePointer<Value>) {
    switch form {
    case .hadamard(let matrix, let signs):
      flip(values, signs)
      matrix.multiply(values, transposed: false)
    case .dense(let matrix):
      withUnsafeTemporaryAllocation(of: Value.self, capacity: dimension) { old in
        for index in 0..<dimension { old[index] = values[index] }
        for row in 0..<dimension {
          var sum: Value = 0
          for column in 0..<dimension {
            sum += Value(matrix[row * dimension + column]) * old[column]
          }
          values[row] = sum
        }
      }
    }
  }

  private func turnBack<Value: BinaryFloatingPoint>(_ values: UnsafeMutablePointer<Value>) {
    switch form {
    case .hadamard(let matrix, let signs):
      matrix.multiply(values, transposed: true)
      flip(values, signs)
    case .dense(let matrix):
      withUnsafeTemporaryAllocation(of: Value.self, capacity: dimension) { old in
        for index in 0..<dimension {
          old[index] = values[index]
          values[index] = 0
        }
        for row in 0..<dimension {
          let share = old[row]
          for column in 0..<dimension {
            values[column] += Value(matrix[row * dimension + column]) * share
          }
        }
      }
    }
  }

  private func flip<Value: BinaryFloatingPoint>(
    _ values: UnsafeMutablePointer<Value>, _ signs: [Float]
  ) {
    for index in 0..<dimension { values[index] *= Value(signs[index]) }
  }

  /// Rows of a Gaussian matrix made orthonormal by Gram and Schmidt, each twice, in double precision.
  ///
  /// The factor taken off is triangular with a positive diagonal: Q of a QR with its signs fixed, uniform
  /// over all orthogonal matrices (F. Mezzadri, "How to generate random matrices from the classical
  /// compact groups", 2007).
  private static func orthonormal(_ dimension: Int, _ generator: inout SeededGenerator) -> [Double]
  {
    // Rows of whole lanes, zeros after the last value, so that sums run eight wide.
    let lanes = (dimension + 7) / 8
    var rows = [SIMD8<Double>](repeating: .zero, count: dimension * lanes)
    rows.withUnsafeMutableBufferPointer { rows in
      for row in 0..<dimension {
        let start = row * lanes
        for index in 0..<dimension { rows[start + index / 8][index % 8] = generator.normal() }
        for _ in 0..<2 {
          for earlier in stride(from: 0, to: start, by: lanes) {
            var product = SIMD8<Double>.zero
            for lane in 0..<lanes { product += rows[start + lane] * rows[earlier + lane] }
            let share = SIMD8<Double>(repeating: product.sum())
            for lane in 0..<lanes { rows[start + lane] -= share * rows[earlier + lane] }
          }
          var square = SIMD8<Double>.zero
          for lane in 0..<lanes { square += rows[start + lane] * rows[start + lane] }
          let factor = SIMD8<Double>(repeating: 1 / square.sum().squareRoot())
          for lane in 0..<lanes { rows[start + lane] *= factor }
        }
      }
    }
    var result: [Double] = []
    result.reserveCapacity(dimension * dimension)
    for row in 0..<dimension {
      for index in 0..<dimension { result.append(rows[row * lanes + index / 8][index % 8]) }
    }
    return result
  }
}
