package import Operators
package import Platform

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

  /// What the calibration text does not reach.
  package let silent: SilentColumns

  let order: [Int]
  let dead: [Bool]
  let inverse: InverseFactor?
  /// Why there is no inverse.
  let failure: String

  /// Bytes that factoring the moments of so many channels takes: a copy of them where columns are set apart, the sweep, its
  /// result.
  package static func workingBytes(columns: Int) -> Int {
    SymmetricPanels.byteCount(columns: columns) + FactorSweep.byteCount(columns: columns)
      + InverseFactor.byteCount(columns: columns)
  }

  /// Orders and factors `hessian`.
  ///
  /// Work is shared over `pool`; the result does not depend on its threads.
  ///
  /// - Parameters:
  ///   - ordersByActivation: whether columns are taken in the order of falling diagonals.
  ///   - damping: the share of the mean diagonal that is added to the diagonal.
  ///   - setsStarvedApart: whether columns that calibration hardly reaches are taken for independent of all others, so
  ///     that they are rounded to nearest instead of making up for the errors of others.
  ///   - layer: the name of the layer, for errors.
  /// - Throws: `QuantizationError.invalidOption` for a damping that is out of range. A matrix that cannot be used is
  ///   no error: layers are then rounded to nearest.
  package init(
    _ hessian: Hessian, ordersByActivation: Bool, damping: Double, setsStarvedApart: Bool = false,
    layer: String, pool: WorkerPool? = nil, provider: ExecutionProvider = .best
  ) throws(QuantizationError) {
    try self.init(
      hessian.sum, times: hessian.factor, ordersByActivation: ordersByActivation, damping: damping,
      setsStarvedApart: setsStarvedApart, layer: layer, pool: pool,
      kernels: CalibrationKernels(provider))
  }

  /// Orders and factors `hessian`, `[columns, columns]`, symmetric, as `Hessian.matrix()` gives it; only what is on and
  /// above the diagonal is read.
  ///
  /// - Throws: `QuantizationError.invalidOption` also for a count that does not fit.
  package init(
    _ hessian: [Float], columns: Int, ordersByActivation: Bool, damping: Double,
    setsStarvedApart: Bool = false, layer: String, pool: WorkerPool? = nil,
    provider: ExecutionProvider = .best
  ) throws(QuantizationError) {
    guard columns >= 0, hessian.count == columns * columns else {
      throw .invalidOption(
        method: "gptq of \(layer)", key: "hessian", expected: "\(columns) x \(columns)",
        found: "\(hessian.count)")
    }
    try self.init(
      SymmetricPanels(hessian, columns: columns), times: 1, ordersByActivation: ordersByActivation,
      damping: damping, setsStarvedApart: setsStarvedApart, layer: layer, pool: pool,
      kernels: CalibrationKernels(provider))
  }

  private init(
    _ moments: SymmetricPanels, times scale: Float, ordersByActivation: Bool, damping: Double,
    setsStarvedApart: Bool, layer: String, pool: WorkerPool?, kernels: CalibrationKernels
  ) throws(QuantizationError) {
    guard damping >= 0, damping.isFinite else {
      throw .invalidOption(
        method: "gptq of \(layer)", key: "damping", expected: "0 and more", found: "\(damping)")
    }
    var matrix = moments
    columns = matrix.columns
    let diagonal = matrix.diagonal.map { $0 * scale }
    dead = diagonal.map { $0 == 0 }
    silent = SilentColumns(sizes: diagonal.map { $0 > 0 ? $0.squareRoot() : $0 })
    guard matrix.isFinite, diagonal.allSatisfy({ $0 >= 0 && $0.isFinite }) else {
      order = Array(0..<columns)
      (inverse, self.damping) = (nil, nil)
      failure = "the inputs seen in calibration are not finite"
      return
    }
    if setsStarvedApart { for column in silent.starved { matrix.isolate(column) } }
    let steady = diagonal.map { $0 == 0 ? 1 : $0 }
    let mean = steady.reduce(0) { $0 + Double($1) } / Double(max(1, columns))
    // Swift's sort keeps the order of equals.
    order =
      ordersByActivation
      ? (0..<columns).sorted { steady[$0] > steady[$1] } : Array(0..<columns)
    for factor in Self.dampingFactors {
      let share = damping * factor
      let found = InverseFactor(
        matrix, times: scale, diagonal: steady, order: order, damping: share * mean, pool: pool,
        kernels: kernels)
      if let found {
        (inverse, self.damping) = (found, share)
        failure = ""
        return
      }
    }
    (inverse, self.damping) = (nil, nil)
    let tried = Self.dampingFactors.map { "\(damping * $0)" }.joined(separator: ", ")
    failure = "the Hessian is not positive definite with damping \(tried)"
  }
}
