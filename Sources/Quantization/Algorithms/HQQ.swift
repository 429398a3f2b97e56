import Glibc

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
    /// The power of the norm that errors are counted in, below 1.
    package var norm: Double
    /// How strongly the split error follows the true one, at first.
    package var strength: Double
    /// What the strength is multiplied by after each round.
    package var growth: Double

    package init(
      bits: Int, group: Int = 64, axis: Axis = .row, rounds: Int = 20, norm: Double = 0.7,
      strength: Double = 10, growth: Double = 1.01
    ) {
      self.bits = bits
      self.group = group
      self.axis = axis
      self.rounds = rounds
      self.norm = norm
      self.strength = strength
      self.growth = growth
    }
  }

  package struct Result: Sendable {
    /// One a byte, in the order of the weights.
    package var codes: [UInt8]
    /// `[groups]`.
    package var scales: [Float]
    /// `[groups]`, real numbers.
    package var zeros: [Float]
    /// Rounds done until the mean error of all groups stopped to fall.
    package var rounds: Int
    /// The values of the codes, in the order of the weights.
    package var values: [Float]
  }

  /// Rounds `weights`, whose count is a multiple of the group; groups of a row need rows that are.
  ///
  /// - Parameter layer: the name of the weight, for errors.
  /// - Throws: `QuantizationError.notFinite`, `.groupDoesNotDivide`, `.invalidOption`.
  package static func quantize(
    _ weights: [Float], columns: Int, _ options: Options, layer: String
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
    var search = HQQSearch(weights, options)
    return search.run()
  }
}

/// The state of one search: a group a row, whatever the axis.
private struct HQQSearch {
  private let options: HQQ.Options
  private let group: Int
  private let groups: Int
  /// `[groups, group]`.
  private let weights: [Float]
  /// `2^bits - 1` over the range: codes are `round(weight * inverse + zero)`.
  private let inverses: [Float]
  private var zeros: [Float]
  private let steps: Float

  init(_ weights: [Float], _ options: HQQ.Options) {
    self.options = options
    let group = options.group
    let groups = weights.count / group
    self.group = group
    self.groups = groups
    steps = Float(1 << options.bits - 1)
    self.weights =
      options.axis == .row
      ? weights
      : (0..<groups).flatMap { column in (0..<group).map { weights[$0 * groups + column] } }
    var inverses: [Float] = []
    var zeros: [Float] = []
    for start in stride(from: 0, to: weights.count, by: group) {
      let values = self.weights[start..<start + group]
      let lowest = values.min() ?? 0
      let range = (values.max() ?? 0) - lowest
      // The reference leaves ranges of nothing alone and keeps scales where FP16 can hold them.
      let inverse = range <= 1e-4 ? 1 : min(steps / range, 2e4)
      inverses.append(inverse)
      zeros.append(-lowest * inverse)
    }
    self.inverses = inverses
    self.zeros = zeros
  }

  mutating func run() -> HQQ.Result {
    var strength = options.strength
    var least = Double.infinity
    var rounds = 0
    while rounds < options.rounds {
      let (error, next) = round(strength: Float(strength))
      strength *= options.growth
      rounds += 1
      // The reference takes the last step too, though the errors before it had stopped to fall.
      zeros = next
      guard error < least else { break }
      least = error
    }
    return result(rounds: rounds)
  }

  /// The mean error with the zero points as they are, and the ones to try next.
  private func round(strength: Float) -> (error: Double, zeros: [Float]) {
    var total = 0.0
    var next = zeros
    let power = Float(options.norm - 1)
    for index in 0..<groups {
      let (inverse, zero) = (inverses[index], zeros[index])
      var sum = 0.0
      for place in index * group..<(index + 1) * group {
        let weight = weights[place]
        let code = code(weight, inverse, zero)
        let rounded = (code - zero) / inverse
        let error = weight - rounded
        total += Double(error.magnitude)
        // What is left of the error when its small part is taken for rounding: a soft threshold that
        // grows without bound towards 0.
        let left = error.magnitude - Float(pow(error.magnitude, power)) / strength
        let kept = left > 0 ? (error < 0 ? -left : left) : 0
        sum += Double(code - (weight - kept) * inverse)
      }
      next[index] = Float(sum / Double(group))
    }
    return (total / Double(max(1, weights.count)), next)
  }

  private func code(_ weight: Float, _ inverse: Float, _ zero: Float) -> Float {
    max(0, min(steps, (weight * inverse + zero).rounded(.toNearestOrEven)))
  }

  private func result(rounds: Int) -> HQQ.Result {
    var codes = [UInt8](repeating: 0, count: weights.count)
    var values = [Float](repeating: 0, count: weights.count)
    for index in 0..<groups {
      for place in 0..<group {
        let code = code(weights[index * group + place], inverses[index], zeros[index])
        let target = options.axis == .row ? index * group + place : place * groups + index
        codes[target] = UInt8(code)
        values[target] = (code - zeros[index]) * (1 / inverses[index])
      }
    }
    return HQQ.Result(
      codes: codes, scales: inverses.map { 1 / $0 }, zeros: zeros, rounds: rounds, values: values)
  }
}
