package import Platform
package import Tensors

/// Rounding to nearest: every weight moves to the nearest point of a grid found from the weights alone.
///
/// The baseline of all methods that look at activations, and what they fall back to.
package enum RoundToNearest {
  package struct Options: Hashable, Sendable {
    package var grid: Grid.Convention
    /// Whether ranges are searched for the least error (see `Grid.searchedParameters`).
    package var searchesRange: Bool
    package var scaleType: ScaleType

    package init(
      grid: Grid.Convention, searchesRange: Bool = false, scaleType: ScaleType = .f16
    ) {
      self.grid = grid
      self.searchesRange = searchesRange
      self.scaleType = scaleType
    }
  }

  package struct Outcome: Sendable {
    package var weight: IntegerWeight
    /// The type that holds all scales exactly.
    package var scaleType: ScaleType
    /// Why scales are not of the type that was asked for, if so.
    package var fallback: String?
  }

  /// Rounds `weight` to `format`.
  ///
  /// Rows are shared out over `pool`; the result does not depend on the number of threads. When FP16 scales
  /// are asked for and the weights are so small, or so large, that FP16 holds none of them well, scales are
  /// BF16 and the outcome says so.
  ///
  /// - Parameter layer: the name of the weight, for errors.
  /// - Throws: `QuantizationError.notFinite` at the first infinity or not-a-number, `.groupDoesNotDivide`,
  ///   `.invalidOption` when the grid has no such form.
  package static func quantize(
    _ weight: any LinearWeight, as format: WeightFormat, _ options: Options, layer: String,
    pool: WorkerPool? = nil
  ) throws -> Outcome {
    let grid = try Grid(options.grid, bits: format.bits, isSymmetric: format.isSymmetric)
    if case .group(let size) = format.granularity {
      try checkGroup(size, columns: weight.columns, layer: layer)
    }
    var options = options
    var fallback: String?
    // A code each; a grid of the whole tensor is searched among all weights.
    try weight.expectRoom(
      format.granularity == .tensor && options.searchesRange ? MemoryLayout<Float>.stride + 1 : 1)
    let work = GridPass(weight, format, grid, searchesRange: options.searchesRange, layer: layer)
    var result = try work.run(scaleType: options.scaleType, pool: pool)
    if options.scaleType == .f16, let largest = result.scales.max() {
      fallback = ScaleType.shortfall(largest: largest)
      if fallback != nil {
        options.scaleType = .bf16
        result = try work.run(scaleType: .bf16, pool: pool)
      }
    }
    let rounded = try IntegerWeight(
      format: format, rows: weight.rows, columns: weight.columns, unpacked: result.codes,
      scales: result.scales, zeros: format.isSymmetric ? [] : result.zeros)
    return Outcome(weight: rounded, scaleType: options.scaleType, fallback: fallback)
  }

  /// Checks that groups of `size` fill rows of `columns` channels.
  ///
  /// - Throws: `QuantizationError.groupDoesNotDivide` that names the nearest size that does.
  package static func checkGroup(_ size: Int, columns: Int, layer: String) throws(QuantizationError)
  {
    guard size > 0, columns % size == 0 else {
      throw .groupDoesNotDivide(
        layer: layer, columns: columns, group: size, nearest: nearestGroup(size, columns: columns))
    }
  }

  /// The group that methods offer and that divides `columns`, the nearest to `size`, the smaller of two; nil where none does.
  package static func nearestGroup(_ size: Int, columns: Int) -> Int? {
    let near = max(1, min(size, columns))
    return WeightOptions.groups.filter { columns % $0 == 0 }
      .min { ($0 - near).magnitude < ($1 - near).magnitude }
  }
}
