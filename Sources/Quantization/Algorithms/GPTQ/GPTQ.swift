package import Operators
package import Platform
package import Tensors

/// GPTQ: rounds a layer column by column, and lets the columns to come make up for each error.
///
/// Frantar et al., "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained Transformers",
/// 2022; arithmetic and order of steps as in IST-DASLab/gptq, down to the groups that see weights as of the
/// last finished block of columns. The loop (paper, section 3.3 and algorithm 1):
///
///     H = 2/n X'X                                       the Hessian of the layer's squared output error
///     dead = columns with H[c,c] = 0;  H[dead,dead] = 1;  W[:,dead] = 0
///     if act-order: take columns in the order of falling H[c,c]
///     H += damping mean(diag H) I                       so that H has an inverse
///     U = upper Cholesky factor of the inverse of H     H^-1 = U'U
///     for each block B of `block` columns:
///       for each column c of B, from left to right:
///         if c begins a group: scale, zero = grid of W[:,group], W as of the last finished block
///         q = W[:,c] rounded to the grid of its group
///         e = (W[:,c] - q) / U[c,c]
///         W[:,c+1 to the end of B] -= e U[c,c+1 to the end of B]
///         Q[:,c] = q;  E[:,c] = e;  loss += e^2 / 2
///       W[:,after B] -= E U[B,after B]                  all later columns, once a block
///
/// - W: the weight, `[rows, columns]`; a row is an output of the layer, a column one of its inputs.
/// - X: what the layer reads on the calibration text, `[tokens, columns]`; n: the number of sequences.
/// - H, U: `[columns, columns]`; they depend on the inputs alone, so layers that read the same inputs share them.
/// - Q: the rounded weight; q: one of its columns.
/// - e: the error of a column, in units of what one step of it costs the output; E: those of a block.
///
/// Where it stands: H in `Hessian`, U in `GPTQPreparation` and `InverseFactor`, the order of columns and the grids in
/// `GPTQPlan`, the two inner loops in `GPTQChunk`, which hands them to the kernels of `CKernels/calibration`.
package enum GPTQ {
  package struct Options: Hashable, Sendable {
    package var grid: Grid
    /// Input channels that share a scale; nil for a whole row.
    package var group: Int?
    /// Whether columns are taken in the order of falling diagonals of the Hessian.
    package var ordersByActivation: Bool
    /// Whether the grids of all groups are found beforehand, from the original columns in their order.
    package var hasStaticGroups: Bool
    /// The share of the mean diagonal that is added to the diagonal.
    package var damping: Double
    /// Columns between two updates of all columns to come.
    package var block: Int
    /// Whether ranges are searched for the least error (see `Grid.searchedParameters`).
    package var searchesRange: Bool
    package var scaleType: ScaleType
    /// Whether the weights of columns without any input become 0, as in the reference; else they are rounded as they are.
    package var zeroesDead: Bool

    package init(
      grid: Grid, group: Int? = 128, ordersByActivation: Bool = false,
      hasStaticGroups: Bool = false, damping: Double = 0.01, block: Int = 128,
      searchesRange: Bool = false, scaleType: ScaleType = .f16, zeroesDead: Bool = true
    ) {
      self.grid = grid
      self.group = group
      self.ordersByActivation = ordersByActivation
      self.hasStaticGroups = hasStaticGroups
      self.damping = damping
      self.block = block
      self.searchesRange = searchesRange
      self.scaleType = scaleType
      self.zeroesDead = zeroesDead
    }
  }

  /// Rounds `weights`, `[rows, columns]`, for the inputs that `preparation` has seen.
  ///
  /// Where those are of no use the layer is rounded to nearest, and the result says so. Rows are shared out
  /// over `pool`; the result does not depend on its threads, and on the provider only by the order of sums.
  ///
  /// - Parameter layer: the name of the weight, for errors.
  /// - Throws: `QuantizationError.notFinite` for weights, `.invalidOption` for counts that do not fit, a
  ///   group or block that is out of range.
  package static func quantize(
    _ weights: [Float], rows: Int, _ preparation: GPTQPreparation, _ options: Options,
    layer: String, pool: WorkerPool? = nil, provider: ExecutionProvider = .best
  ) throws(QuantizationError) -> GPTQResult {
    try check(weights, rows, preparation.columns, options, layer)
    let plan = GPTQPlan(weights, rows: rows, preparation, options)
    guard let inverse = preparation.inverse else {
      return plan.roundedToNearest(because: preparation.failure, pool: pool)
    }
    return plan.rounded(with: inverse, pool: pool, kernels: CalibrationKernels(provider))
      ?? plan.roundedToNearest(because: "the corrections ran off to infinity", pool: pool)
  }

  /// Rounds `weights`, `[rows, columns]`, for inputs with the moments `hessian`, `[columns, columns]`.
  ///
  /// See `quantize(_:rows:_:_:layer:pool:provider:)`; layers that read the same inputs can share a preparation.
  package static func quantize(
    _ weights: [Float], rows: Int, columns: Int, hessian: [Float], _ options: Options,
    layer: String, pool: WorkerPool? = nil, provider: ExecutionProvider = .best
  ) throws(QuantizationError) -> GPTQResult {
    let preparation = try GPTQPreparation(
      hessian, columns: columns, ordersByActivation: options.ordersByActivation,
      damping: options.damping, layer: layer, pool: pool, provider: provider)
    return try quantize(
      weights, rows: rows, preparation, options, layer: layer, pool: pool, provider: provider)
  }

  /// `sum over rows of (w - q) H (w - q)^T`: the error of the layer's output on the calibration inputs.
  ///
  /// - Parameters:
  ///   - weights, rounded: `[rows, columns]`.
  ///   - hessian: `[columns, columns]`.
  package static func proxyLoss(
    of weights: [Float], rounded: [Float], rows: Int, columns: Int, hessian: [Float]
  ) -> Double {
    guard rows > 0, columns > 0 else { return 0 }
    var loss = 0.0
    var product = [Double](repeating: 0, count: columns)
    for row in stride(from: 0, to: rows * columns, by: columns) {
      let errors = zip(weights[row..<row + columns], rounded[row..<row + columns])
        .map { Double($0) - Double($1) }
      product.withUnsafeMutableBufferPointer { product in
        hessian.withUnsafeBufferPointer { hessian in
          for column in 0..<columns { product[column] = 0 }
          for (index, error) in errors.enumerated() where error != 0 {
            let line = index * columns
            for column in 0..<columns { product[column] += error * Double(hessian[line + column]) }
          }
        }
      }
      loss += zip(errors, product).reduce(0) { $0 + $1.0 * $1.1 }
    }
    return loss
  }

  private static func check(
    _ weights: [Float], _ rows: Int, _ columns: Int, _ options: Options, _ layer: String
  ) throws(QuantizationError) {
    func refuse(_ key: String, _ expected: String, _ found: String) -> QuantizationError {
      .invalidOption(method: "gptq of \(layer)", key: key, expected: expected, found: found)
    }
    guard rows >= 0, weights.count == rows * columns else {
      throw refuse("weights", "\(rows) x \(columns)", "\(weights.count)")
    }
    if let group = options.group, group < 1 {
      throw refuse("group", "1 and more", "\(group)")
    }
    guard options.block > 0 else { throw refuse("block", "1 and more", "\(options.block)") }
    if let index = weights.firstIndex(where: { !$0.isFinite }) {
      throw .notFinite(
        layer: layer, row: index / columns, column: index % columns, value: weights[index])
    }
  }
}

/// A weight rounded by GPTQ.
package struct GPTQResult: Sendable {
  package let rows: Int
  package let columns: Int
  package let options: GPTQ.Options
  /// One a byte, `[rows, columns]`, in the order of the original columns.
  package var codes: [UInt8]
  /// `[rows, groups]`.
  package var scales: [Float]
  /// `[rows, groups]`.
  package var zeros: [UInt8]
  /// The group of each column.
  package var groupIndex: [Int32]
  /// `sum (w - q)^2 / U_cc^2 / 2`: what the reference prints as the error.
  package var loss: Double
  /// The share of the mean diagonal that was added; nil when the layer was rounded to nearest.
  package var damping: Double?
  /// Why the layer was rounded to nearest instead, if so.
  package var fallback: String?

  /// Groups of one row.
  package var groups: Int { rows == 0 ? 0 : scales.count / rows }

  /// The values of the codes, `[rows, columns]`.
  package func dequantized() -> [Float] {
    let groups = groups
    return [Float](unsafeUninitializedCapacity: rows * columns) { buffer, filled in
      for row in 0..<rows {
        for column in 0..<columns {
          let place = row * groups + Int(groupIndex[column])
          let code = Float(codes[row * columns + column])
          buffer.initializeElement(
            at: row * columns + column, to: scales[place] * (code - Float(zeros[place])))
        }
      }
      filled = rows * columns
    }
  }

  /// The weight in a format whose groups lie in a row; nil when the groups follow the activations
  /// (`ordersByActivation` without `hasStaticGroups`), which no such format can say.
  package func weight() throws -> IntegerWeight? {
    let size = options.group ?? max(1, columns)
    guard groupIndex.enumerated().allSatisfy({ Int($1) == $0 / size }) else { return nil }
    let format = WeightFormat(
      code: .integer(bits: options.grid.bits),
      granularity: options.group.map { .group(size: $0) } ?? .channel,
      isSymmetric: options.grid.isSymmetric)
    return try IntegerWeight(
      format: format, rows: rows, columns: columns, unpacked: codes, scales: scales,
      zeros: options.grid.isSymmetric ? [] : zeros)
  }
}
