import Glibc

/// The distribution of one coordinate of a uniformly random unit vector in R^d, for any d >= 2.
///
/// Density `f(x) = Gamma(d/2) / (sqrt(pi) Gamma((d-1)/2)) (1-x^2)^((d-3)/2)` on [-1, 1], of variance 1/d:
/// a Beta(a, a) of a = (d-1)/2, stretched to [-1, 1]. Partial moments are closed forms, so nothing is
/// integrated numerically. All values are for x >= 0, the other half being its mirror image.
struct UnitCoordinate: Sendable {
  let dimension: Int
  /// Half of d - 1, the parameter of the Beta distribution.
  let half: Double
  /// f(0), the reciprocal of B(1/2, a).
  let peak: Double

  init(dimension: Int) {
    precondition(dimension >= 2, "a density needs 2 dimensions, found \(dimension)")
    self.dimension = dimension
    half = Double(dimension - 1) / 2
    peak = Self.peak(dimension: dimension)
  }

  /// `f(x)`, for x in [0, 1).
  func density(_ x: Double) -> Double { peak * power(x, half - 1) }

  /// The probability of a coordinate above `x`, for x in [0, 1]: half of I_{1-x^2}(a, 1/2).
  ///
  /// Of the two continued fractions the one that converges fast, so that the tail keeps its digits.
  func survival(_ x: Double) -> Double {
    let square = x * x
    if x <= 0 { return 0.5 }
    if x >= 1 { return 0 }
    // x^a (1-x)^b / B(a, b), which both fractions share.
    let factor = peak * x * power(x, half)
    return square > 1.5 / (half + 2.5)
      ? 0.5 * factor / half * Self.fraction(half, 0.5, (1 - x) * (1 + x))
      : 0.5 - factor * Self.fraction(0.5, half, square)
  }

  /// The integral of `x f(x)` from `x` to 1: `(1-x^2)^a f(0) / 2a`.
  func tailMoment(_ x: Double) -> Double { x >= 1 ? 0 : peak / (2 * half) * power(x, half) }

  /// `(1-x^2)^exponent`, for x in [0, 1).
  private func power(_ x: Double, _ exponent: Double) -> Double {
    // Each keeps its digits where the other loses them, which a large exponent would show.
    exp(exponent * (x < 0.5 ? log1p(-x * x) : log((1 - x) * (1 + x))))
  }

  /// Gamma(d/2) / (sqrt(pi) Gamma((d-1)/2)).
  ///
  /// From f(0) = 1/pi of d = 2 and 1/2 of d = 3 by steps of two, each a factor d/(d-1); where that is
  /// long, by Stirling's series, exact to double precision there.
  private static func peak(dimension: Int) -> Double {
    guard dimension <= 4096 else {
      let z = Double(dimension - 1) / 2
      let series = 1 - 1 / (8 * z) + 1 / (128 * z * z) + 5 / (1024 * z * z * z)
      return (z / .pi).squareRoot() * series
    }
    var result = dimension % 2 == 0 ? 1 / Double.pi : 0.5
    for step in stride(from: dimension % 2 == 0 ? 2 : 3, to: dimension, by: 2) {
      result *= Double(step) / Double(step - 1)
    }
    return result
  }

  /// The continued fraction of the incomplete beta function (modified Lentz), for x below (a+1)/(a+b+2).
  private static func fraction(_ a: Double, _ b: Double, _ x: Double) -> Double {
    let tiny = 1e-300
    func kept(_ value: Double) -> Double { abs(value) < tiny ? tiny : value }
    var c = 1.0
    var d = 1 / kept(1 - (a + b) * x / (a + 1))
    var result = d
    for step in 1...100_000 {
      let m = Double(step)
      let even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
      d = 1 / kept(1 + even * d)
      c = kept(1 + even / c)
      result *= d * c
      let odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
      d = 1 / kept(1 + odd * d)
      c = kept(1 + odd / c)
      let change = d * c
      result *= change
      if abs(change - 1) < 3e-16 { break }
    }
    return result
  }
}
