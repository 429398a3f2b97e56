import Engine
import Testing

@Suite struct ConformanceToleranceTests {
  private func passes(
    _ tolerance: ConformanceTolerance, _ found: [Double], _ expected: [Double],
    losses: [Double] = []
  ) -> Bool {
    tolerance.check("t", found: found, expected: expected, losses: losses).passed
  }

  @Test func exactMeansEqualNumbers() {
    #expect(passes(.exact, [1, 0, -2], [1, -0.0, -2]))
    #expect(!passes(.exact, [1, 2], [1, 2.0000001]))
    #expect(!passes(.exact, [.nan], [.nan]))
    #expect(!passes(.exact, [1], [1, 1]))
    #expect(
      ConformanceTolerance.exact.check("t", found: [1, 3, 4], expected: [1, 2, 5]).measured == 2)
  }

  @Test func allCloseTakesBothTerms() {
    let tolerance = ConformanceTolerance.allClose(rtol: 0.01, atol: 0.1, maxFraction: 0)
    #expect(passes(tolerance, [100.9, 0.09], [100, 0]))
    #expect(!passes(tolerance, [101.2, 0], [100, 0]))
    #expect(!passes(tolerance, [100, .nan], [100, 0]))
    #expect(!passes(tolerance, [.infinity], [1]))
    #expect(passes(.allClose(rtol: 0, atol: 0, maxFraction: 0), [.infinity, 3], [.infinity, 3]))
    #expect(!passes(.allClose(rtol: 0, atol: 0, maxFraction: 0), [3.1], [3]))
    let share = ConformanceTolerance.allClose(rtol: 0, atol: 0.5, maxFraction: 0.25)
    #expect(passes(share, [9, 1, 1, 1], [1, 1, 1, 1]))
    #expect(!passes(share, [9, 9, 1, 1], [1, 1, 1, 1]))
    #expect(!passes(share, [.nan, .nan, 1, 1], [1, 1, 1, 1]))
  }

  @Test func integerMismatchLimitsShareAndDifference() {
    let tolerance = ConformanceTolerance.integerMismatch(maxFraction: 0.25, maxDifference: 1)
    #expect(passes(tolerance, [1, 2, 3, 5], [1, 2, 3, 4]))
    #expect(!passes(tolerance, [1, 2, 3, 6], [1, 2, 3, 4]))
    #expect(!passes(tolerance, [2, 3, 3, 4], [1, 2, 3, 4]))
    #expect(!passes(tolerance, [.nan, 2, 3, 4], [1, 2, 3, 4]))
  }

  @Test func relativeDifferences() {
    #expect(passes(.relativeFrobenius(value: 0.1), [3.3, 4], [3, 4]))
    #expect(!passes(.relativeFrobenius(value: 0.05), [3.3, 4], [3, 4]))
    #expect(passes(.relativeFrobenius(value: 0), [0, 0], [0, 0]))
    #expect(!passes(.relativeFrobenius(value: 0.1), [0.001], [0]))
    #expect(!passes(.relativeFrobenius(value: 0.1), [.nan], [1]))
    #expect(passes(.scalarRelative(rtol: 0.01), [100.9], [100]))
    #expect(!passes(.scalarRelative(rtol: 0.01), [101.1], [100]))
    #expect(!passes(.scalarRelative(rtol: 0.01), [.nan], [100]))
    #expect(!passes(.scalarRelative(rtol: 0.01), [1e-9], [0]))
  }

  @Test func placesOfMinimaMayDifferWhereLossesAreEqual() {
    let tolerance = ConformanceTolerance.argumentOfMinimum(lossRtol: 0.01)
    let losses = [3, 1.005, 1, 2]
    #expect(passes(tolerance, [2], [2], losses: losses))
    #expect(passes(tolerance, [1], [2], losses: losses))
    #expect(!passes(tolerance, [3], [2], losses: losses))
    #expect(!passes(tolerance, [1], [2]))
    #expect(!passes(tolerance, [7], [2], losses: losses))
    #expect(!passes(tolerance, [.nan], [2], losses: losses))
  }

  @Test func unknownFormsPassNothing() {
    let check = ConformanceTolerance.unknown(kind: "ulp").check("t", found: [1], expected: [1])
    #expect(!check.passed)
    #expect(check.reason?.contains("ulp") == true)
  }
}
