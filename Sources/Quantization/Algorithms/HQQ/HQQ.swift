package import Platform

/// HQQ: moves each group's zero point, a real number, until the error is as sparse as it gets.
///
/// Badri and Shaji, "Half-Quadratic Quantization of Large Machine Learning Models", 2023; steps as in
/// mobiusml/hqq, optimize_weights_proximal. No calibration. Values are `scale * (code - zero)`.
package enum HQQ {
  /// Which values share a group.
  package enum Axis: String, Hashable, Sendable, Codable, CaseIterable {
    /// Consecutive values of a row.
    case row
    /// Values a fixed stride apart over the whole matrix: the columns of `[group, count / group]`.
    case strided
  }

  package struct Options: Hashable, Sendable {
    package var bits: Int
    package var group: Int
    package var axis: Axis
    /// Rounds of the search; 0 leaves the plain grid.
    package var rounds: Int
    /// The power of the norm that errors are counted in, at most 1.
    package var norm: Double
    /// How strongly the split error follows the true one, at first.
    package var strength: Double
    /// What the strength is multiplied by after each round.
    package var growth: Double
    /// Whether scales are rounded to FP16 before the search and zero points after it, so that codes are chosen
    /// with what is stored; the reference rounds both when it stores them.
    package var storesFP16: Bool

    package init(
      bits: Int, group: Int = 64, axis: Axis = .row, rounds: Int = 20, norm: Double = 0.7,
      strength: Double = 10, growth: Double = 1.01, storesFP16: Bool = false
    ) {
      self.bits = bits
      self.group = group
      self.axis = axis
      self.rounds = rounds
      self.norm = norm
      self.strength = strength
      self.growth = growth
      self.storesFP16 = storesFP16
    }
  }

  package struct Result: Sendable {
    package let options: Options
    /// One a byte, in the order of the weights.
    package var codes: [UInt8]
    /// `[groups]`.
    package var scales: [Float]
    /// `[groups]`, real numbers.
    package var zeros: [Float]
    /// Rounds done until the mean error of all groups stopped to fall.
    package var rounds: Int
    /// Groups that hold more than one value but span too little for the reference's rule: each becomes one
    /// value.
    package var flatGroups: Int

    /// The values of the codes, in the order of the weights.
    package var values: [Float] {
      let groups = max(1, scales.count)
      return codes.indices.map { place in
        let group = options.axis == .row ? place / options.group : place % groups
        return scales[group] * (Float(codes[place]) - zeros[group])
      }
    }
  }

  /// Rounds `weights`, whose count is a multiple of the group; groups of a row need rows that are.
  ///
  /// Groups are shared out over `pool`; the result does not depend on the number of threads.
  ///
  /// - Parameter layer: the name of the weight, for errors.
  /// - Throws: `QuantizationError.notFinite`, `.groupDoesNotDivide`, `.invalidOption`.
  package static func quantize(
    _ weights: [Float], columns: Int, _ options: Options, layer: String, pool: WorkerPool? = nil
  ) throws(QuantizationError) -> Result {
    guard (2...8).contains(options.bits) else {
      throw .invalidOption(
        method: "hqq", key: "bits", expected: "2 to 8", found: "\(options.bits)")
    }
    let width = options.axis == .row ? columns : weights.count
    try RoundToNearest.checkGroup(options.group, columns: width, layer: layer)
    guard columns > 0, weights.count % columns == 0 else {
      throw .invalidOption(
        method: "hqq of \(layer)", key: "weights", expected: "rows of \(columns)",
        found: "\(weights.count) values")
    }
    if let index = weights.firstIndex(where: { !$0.isFinite }) {
      throw .notFinite(
        layer: layer, row: index / columns, column: index % columns, value: weights[index])
    }
    var search = HQQSearch(weights, options, pool: pool)
    return search.run()
  }
}
