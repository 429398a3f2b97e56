import Glibc

/// The best scalar codebook for one coordinate of a uniformly random unit vector in R^d.
///
/// After a random rotation every coordinate of a vector of length 1 has this distribution, whatever the
/// vector: the codebook needs no data (A. Zandieh et al., "TurboQuant", arXiv 2504.19874, 2025). It is
/// exact: each level is the mean of its cell under the Beta density of this d, not under the normal
/// density that it tends to, from which the outer level of d = 64 at 4 bits is off by 0.087 / sqrt(d).
/// Of one dimension, where a coordinate is 1 or -1, the levels are evenly spaced from -1 to 1.
package struct LloydMaxCodebook: Sendable, Hashable {
  package let dimension: Int
  package let bits: Int
  /// `2^bits` levels, ascending, symmetric about 0.
  package let centroids: [Double]
  /// `centroids` in float32.
  package let levels: [Float]
  /// The `2^bits - 1` borders between the cells, halfway between their levels; the middle one is 0.
  package let borders: [Float]
  /// The expected `||u - u~||^2` of a unit vector `u`: `d E[(x - c(x))^2]`, in closed form.
  package let distortion: Double

  /// - Throws: `TensorError.outOfRange` for `bits` outside 1...8 and a dimension below 1.
  package init(dimension: Int, bits: Int) throws(TensorError) {
    guard (1...8).contains(bits) else {
      throw .outOfRange(what: "bits of a codebook", expected: "1 to 8", found: "\(bits)")
    }
    guard dimension >= 1 else {
      throw .outOfRange(
        what: "dimension of a codebook", expected: "1 or more", found: "\(dimension)")
    }
    let count = 1 << (bits - 1)
    let positive: [Double]
    if dimension == 1 {
      let last = Double(2 * count - 1)
      positive = (0..<count).map { Double(2 * $0 + 1) / last }
      distortion = 0
    } else {
      var solver = LloydMaxSolver(UnitCoordinate(dimension: dimension), count: count)
      solver.solve()
      positive = solver.levels
      distortion = solver.distortion
    }
    self.dimension = dimension
    self.bits = bits
    let negative: [Double] = positive.reversed().map { -$0 }
    let centroids = negative + positive
    self.centroids = centroids
    levels = centroids.map { Float($0) }
    borders = (1..<centroids.count).map { Float((centroids[$0 - 1] + centroids[$0]) / 2) }
  }

  /// The place of the level nearest to `value`; on a border the upper one.
  package func index(of value: Float) -> Int {
    var (low, high) = (0, borders.count)
    while low < high {
      let middle = (low + high) / 2
      if value >= borders[middle] { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

/// Levels of the positive half, moved to the point where each is the mean of its cell.
///
/// Lloyd's own steps shrink the error by as little as 1 - O(1/count^2) each; here they only settle the
/// start, and Newton's steps on the gradient, whose derivative is tridiagonal, do the rest.
private struct LloydMaxSolver {
  private let coordinate: UnitCoordinate
  private(set) var levels: [Double]

  /// Levels where a fine quantizer has them, with a density as the cube root of that of x (Panter, Dite).
  init(_ coordinate: UnitCoordinate, count: Int) {
    self.coordinate = coordinate
    let samples = 4096
    let reach = min(1, 14 / Double(coordinate.dimension).squareRoot())
    let points = (0..<samples).map { reach * (Double($0) + 0.5) / Double(samples) }
    let weights = points.map { coordinate.density($0).cubeRoot }
    let total = weights.reduce(0, +)
    levels = []
    var sum = 0.0
    for (point, weight) in zip(points, weights) {
      sum += weight
      while levels.count < count, sum >= total * (Double(levels.count) + 0.5) / Double(count) {
        // Several levels can fall on one sample of a steep density: keep them apart.
        levels.append(max(point, (levels.last ?? 0) + reach * 1e-9))
      }
    }
    while levels.count < count { levels.append((1 + (levels.last ?? 0)) / 2) }
  }

  /// Cells between 0, the midpoints of neighbours and 1: their probability and their integral of x f(x).
  private func cells(_ levels: [Double]) -> (borders: [Double], mass: [Double], moment: [Double]) {
    var borders = [0.0]
    for index in 1..<max(1, levels.count) {
      borders.append((levels[index - 1] + levels[index]) / 2)
    }
    borders.append(1)
    let survival = borders.map(coordinate.survival)
    let tail = borders.map(coordinate.tailMoment)
    return (
      borders, levels.indices.map { survival[$0] - survival[$0 + 1] },
      levels.indices.map { tail[$0] - tail[$0 + 1] }
    )
  }

  /// How far the worst level is from the mean of its cell.
  private func residual(_ levels: [Double]) -> Double {
    let (_, mass, moment) = cells(levels)
    return levels.indices.reduce(0) { worst, index in
      let difference = abs(levels[index] - moment[index] / mass[index])
      return difference.isNaN ? .infinity : max(worst, difference)
    }
  }

  mutating func solve() {
    for _ in 0..<8 { lloydStep() }
    var error = residual(levels)
    for _ in 0..<200 where error > 0 {
      let step = newtonStep()
      var isBetter = false
      var share = 1.0
      for _ in 0..<12 {
        let moved = zip(levels, step).map { $0 - share * $1 }
        if isOrdered(moved) {
          let movedError = residual(moved)
          if movedError < error {
            (levels, error, isBetter) = (moved, movedError, true)
            break
          }
        }
        share /= 2
      }
      // Nothing nearer: the last digits are reached, or the start is still too rough for Newton.
      if !isBetter {
        // Rounding leaves less than 1e-12 standard deviations of x at 8 bits.
        if error < 1e-11 / Double(coordinate.dimension).squareRoot() { return }
        lloydStep()
        error = residual(levels)
      }
    }
  }

  private func isOrdered(_ levels: [Double]) -> Bool {
    var last = 0.0
    for level in levels {
      guard level > last, level < 1 else { return false }
      last = level
    }
    return true
  }

  /// Each level to the mean of its cell.
  private mutating func lloydStep() {
    let (_, mass, moment) = cells(levels)
    let moved = levels.indices.map { moment[$0] / mass[$0] }
    if isOrdered(moved) { levels = moved }
  }

  /// What Newton takes off each level to bring `c_i mass_i - moment_i` to 0 (Thomas' elimination).
  private func newtonStep() -> [Double] {
    let (borders, mass, moment) = cells(levels)
    let count = levels.count
    var diagonal = mass
    var beside = [Double](repeating: 0, count: count)
    var step = levels.indices.map { levels[$0] * mass[$0] - moment[$0] }
    for index in 0..<count - 1 {
      let pull = (borders[index + 1] - levels[index]) * coordinate.density(borders[index + 1]) / 2
      diagonal[index] -= pull
      diagonal[index + 1] -= pull
      beside[index] = -pull
    }
    for index in 1..<max(1, count) {
      let factor = beside[index - 1] / diagonal[index - 1]
      diagonal[index] -= factor * beside[index - 1]
      step[index] -= factor * step[index - 1]
    }
    for index in (0..<count).reversed() {
      if index + 1 < count { step[index] -= beside[index] * step[index + 1] }
      step[index] /= diagonal[index]
    }
    return step
  }

  /// `d E[(x - c)^2]` over both halves.
  var distortion: Double {
    let (_, mass, moment) = cells(levels)
    let gained = levels.indices.reduce(0.0) {
      $0 + levels[$1] * (levels[$1] * mass[$1] - 2 * moment[$1])
    }
    return 1 + 2 * Double(coordinate.dimension) * gained
  }
}

extension Double {
  fileprivate var cubeRoot: Double { self > 0 ? cbrt(self) : 0 }
}
