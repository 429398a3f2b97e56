import COpenBLAS

/// What GPTQ takes from a layer's inputs: the order of columns, and how their errors spread.
///
/// Layers that read the same inputs (q, k and v; gate and up) share one; for wide layers making it costs
/// more than rounding with it.
package struct GPTQPreparation: Sendable {
  /// What the damping is multiplied by while the matrix is not positive definite, one try after the other.
  package static let dampingFactors: [Double] = [1, 10, 100]

  package let columns: Int
  /// The share of the mean diagonal that was added to the diagonal; nil when no share was enough.
  package let damping: Double?
  /// Input channels that were always zero.
  package var deadColumns: Int { dead.count { $0 } }

  let order: [Int]
  let dead: [Bool]
  let inverse: InverseFactor?
  /// Why there is no inverse.
  let failure: String

  /// Orders and factors `hessian`, `[columns, columns]`, symmetric, as `Hessian.matrix()` gives it.
  ///
  /// The factorization runs on `threads` threads of OpenBLAS; its last bits depend on their number.
  ///
  /// - Parameters:
  ///   - ordersByActivation: whether columns are taken in the order of falling diagonals.
  ///   - damping: the share of the mean diagonal that is added to the diagonal.
  ///   - layer: the name of the layer, for errors.
  /// - Throws: `QuantizationError.invalidOption` for a count or damping that is out of range. A matrix that
  ///   cannot be used is no error: layers are then rounded to nearest.
  package init(
    _ hessian: [Float], columns: Int, ordersByActivation: Bool, damping: Double, layer: String,
    threads: Int
  ) throws(QuantizationError) {
    func refuse(_ key: String, _ expected: String, _ found: String) -> QuantizationError {
      .invalidOption(method: "gptq of \(layer)", key: key, expected: expected, found: found)
    }
    guard columns >= 0, hessian.count == columns * columns else {
      throw refuse("hessian", "\(columns) x \(columns)", "\(hessian.count)")
    }
    guard damping >= 0, damping.isFinite else {
      throw refuse("damping", "0 and more", "\(damping)")
    }
    self.columns = columns
    let diagonal = (0..<columns).map { hessian[$0 * (columns + 1)] }
    dead = diagonal.map { $0 == 0 }
    guard Self.isFinite(hessian), diagonal.allSatisfy({ $0 >= 0 }) else {
      order = Array(0..<columns)
      (inverse, self.damping) = (nil, nil)
      failure = "the inputs seen in calibration are not finite"
      return
    }
    let steady = diagonal.map { $0 == 0 ? 1 : $0 }
    let mean = steady.reduce(0) { $0 + Double($1) } / Double(max(1, columns))
    // Swift's sort keeps the order of equals.
    order =
      ordersByActivation
      ? (0..<columns).sorted { steady[$0] > steady[$1] } : Array(0..<columns)
    let before = openblas_get_num_threads()
    openblas_set_num_threads(Int32(max(1, threads)))
    defer { openblas_set_num_threads(before) }
    for factor in Self.dampingFactors {
      let share = damping * factor
      if let found = InverseFactor(hessian, diagonal: steady, order: order, damping: share * mean) {
        (inverse, self.damping) = (found, share)
        failure = ""
        return
      }
    }
    (inverse, self.damping) = (nil, nil)
    let tried = Self.dampingFactors.map { "\(damping * $0)" }.joined(separator: ", ")
    failure = "the Hessian is not positive definite with damping \(tried)"
  }

  private static func isFinite(_ values: [Float]) -> Bool {
    values.withUnsafeBufferPointer { values in
      values.baseAddress.map { Grid.range(of: $0, count: values.count) != nil } ?? true
    }
  }
}

/// The upper triangular U with `U^T U = (H + damping)^-1`, whose rows spread the errors of GPTQ.
struct InverseFactor {
  /// `[columns, columns]`, row by row; what is below the diagonal means nothing.
  let values: [Float]

  /// Factors `matrix`, `[columns, columns]`, with another diagonal, rows and columns in `order`, and
  /// `damping` added to the diagonal, in float64.
  ///
  /// No inverse is formed: with rows and columns in reverse order the Cholesky factor of H is R, upper
  /// triangular in the right order, with `H = R R^T`; U is the inverse of R.
  ///
  /// - Returns: nil when the damped matrix is not positive definite in float64.
  init?(_ matrix: [Float], diagonal: [Float], order: [Int], damping: Double) {
    let columns = order.count
    let count = columns * columns
    var work = [Double](unsafeUninitializedCapacity: count) { buffer, filled in
      matrix.withUnsafeBufferPointer { matrix in
        for (row, from) in order.reversed().enumerated() {
          for (column, other) in order.reversed().enumerated() {
            buffer.initializeElement(
              at: row * columns + column, to: Double(matrix[from * columns + other]))
          }
          buffer[row * (columns + 1)] = Double(diagonal[from]) + damping
        }
      }
      filled = count
    }
    let succeeded = work.withUnsafeMutableBufferPointer { work -> Bool in
      var size = Int32(columns)
      var info: Int32 = 0
      dpotrf_("U", &size, work.baseAddress, &size, &info)
      guard info == 0 else { return false }
      dtrtri_("U", "N", &size, work.baseAddress, &size, &info)
      return info == 0 && (0..<columns).allSatisfy { work[$0 * (columns + 1)].isFinite }
    }
    guard succeeded else { return nil }
    // Reversing a square matrix's rows and columns reverses its numbers.
    values = [Float](unsafeUninitializedCapacity: count) { buffer, filled in
      work.withUnsafeBufferPointer { work in
        for index in 0..<count {
          buffer.initializeElement(at: index, to: Float(work[count - 1 - index]))
        }
      }
      filled = count
    }
  }
}
