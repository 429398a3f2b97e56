import Testing

@testable import Engine

/// Sums of costs fitted to sizes of which the rule is known.
struct CostFitTests {
  private typealias Point = (terms: [Double], seconds: Double)

  private func points(_ sizes: [(Double, Double)], _ seconds: (Double, Double) -> Double) -> [Point]
  {
    sizes.map { batch, depth in ([1, batch, batch * depth], seconds(batch, depth)) }
  }

  /// 20 ms of weights, 0.4 ms a sequence, 250 ns a cached token.
  private let rule = { (batch: Double, depth: Double) in
    0.02 + 0.0004 * batch + 2.5e-7 * batch * depth
  }
  private let sizes: [(Double, Double)] = [(16, 4096), (16, 2048), (8, 4096), (8, 2048)]

  @Test func whatIsExactIsContinuedExactly() throws {
    let timed = points(sizes, rule)
    #expect(abs(CostFit(timed).seconds([1, 64, 64 * 32768]) / rule(64, 32768) - 1) < 1e-9)
    #expect(try #require(CostFit.error(timed)) < 1e-9)
  }

  /// A cache that costs nothing and noise that falls with depth must not let a deeper step take less time than a shallow one.
  @Test func noiseNeverTurnsACostIntoAGain() {
    let timed: [Point] = [([1, 4096], 0.0200), ([1, 2048], 0.0203), ([1, 1024], 0.0201)]
    let fit = CostFit(timed)
    #expect(fit.seconds([1, 1_000_000]) >= fit.seconds([1, 1024]))
    #expect(abs(fit.seconds([1, 1_000_000]) - 0.0201) < 0.0002)
  }

  /// Prompts: work of each token and of each pair.
  @Test func aPromptGrowsWithItsPairs() throws {
    let rule = { (tokens: Double) in 0.001 * tokens + 2e-7 * tokens * tokens }
    let timed: [Point] = [512, 256, 128].map { ([$0, $0 * $0], rule($0)) }
    #expect(abs(CostFit(timed).seconds([8192, 8192 * 8192]) / rule(8192) - 1) < 1e-9)
  }

  /// Of the two rules the one that tells the largest size better is taken, and its error is told.
  @Test func theBetterRuleContinues() throws {
    // Costs that a fit meets, and limits that are far off.
    let linear = points(sizes, rule).map { (terms: $0.terms, seconds: $0.seconds, limit: 1.0) }
    let fitted = Continuation(linear, to: ([1, 64, 64 * 32768], 1))
    #expect(abs(fitted.longer - rule(64, 32768) / rule(16, 4096)) < 1e-6)
    #expect(try #require(fitted.error) < 1e-9)
    // Kernels that fall behind as caches grow, as the limits have it and no sum of costs can.
    let growing = [4096.0, 2048, 1024].map { depth in
      (terms: [1, depth], seconds: depth * depth * 1e-9, limit: depth * depth)
    }
    let limited = Continuation(growing, to: ([1, 8192], 8192 * 8192))
    #expect(abs(limited.longer - 4) < 1e-9 && limited.error == 0)
    // What is planned was timed.
    let whole = Continuation(Array(growing.prefix(1)), to: ([1, 4096], 4096 * 4096))
    #expect(whole.longer == 1 && whole.error == nil)
  }

  /// The error is that of the largest size told from the others, and is not known from too few.
  @Test func theErrorIsOfTheLargestSize() throws {
    var timed = points(sizes, rule)
    timed[0].seconds *= 1.1
    let error = try #require(CostFit.error(timed))
    #expect(abs(error - (1 - 1 / 1.1)) < 1e-9)
    #expect(CostFit.error(Array(timed.prefix(3))) == nil)
  }
}
