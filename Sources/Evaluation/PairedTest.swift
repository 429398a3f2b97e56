import Glibc

/// Tests of two models on the same items.
package enum PairedTest {
  /// What the test is called where its p is told.
  package static let name = "McNemar's exact test, two-sided"

  /// McNemar's exact test: twice the chance that a fair coin thrown `lost + gained` times falls as rarely on one side, at
  /// most 1; 1 where nothing flipped.
  ///
  /// - Parameters:
  ///   - lost: items that the baseline has right and the other model wrong.
  ///   - gained: the other way round.
  package static func mcNemar(lost: Int, gained: Int) -> Double {
    let count = max(0, lost) + max(0, gained)
    let fewer = max(0, min(lost, gained))
    guard count > 0, 2 * fewer < count else { return 1 }
    // The largest term first; each further one is a share of the one before it.
    var term = exp(
      lnFactorial(count) - lnFactorial(fewer) - lnFactorial(count - fewer) - Double(count) * log(2))
    var sum = term
    var place = fewer
    while place > 0, term > sum * 1e-17 {
      term *= Double(place) / Double(count - place + 1)
      sum += term
      place -= 1
    }
    return min(1, 2 * sum)
  }

  private static func lnFactorial(_ value: Int) -> Double {
    var sign: Int32 = 0
    return lgamma_r(Double(value) + 1, &sign)
  }
}

/// A share of items with Wilson's interval of 95 %.
package struct WilsonShare: Hashable, Sendable, Codable {
  package var right: Int
  package var of: Int
  /// 0 to 1; 0 of nothing.
  package var share: Double
  package var low: Double
  package var high: Double

  /// The normal deviate that 2.5 % lie above.
  private static let deviate = 1.959963984540054

  package init(right: Int, of count: Int) {
    self.right = right
    of = count
    guard count > 0 else {
      (share, low, high) = (0, 0, 1)
      return
    }
    let n = Double(count)
    let p = Double(right) / n
    let square = Self.deviate * Self.deviate
    let middle = (p + square / (2 * n)) / (1 + square / n)
    let reach =
      Self.deviate / (1 + square / n) * (p * (1 - p) / n + square / (4 * n * n)).squareRoot()
    share = p
    low = max(0, middle - reach)
    high = min(1, middle + reach)
  }
}
