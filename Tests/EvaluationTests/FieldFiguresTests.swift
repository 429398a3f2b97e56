import Evaluation
import Operators
import Testing

/// The figures of the field on 400 made-up positions; what is expected was computed apart, in Python, from the definitions:
/// the error of the ln ratio as that of the positions' own differences, and tests in whole fractions.
@Suite struct FieldFiguresTests {
  private static let statistics: ScoreStatistics = {
    var statistics = ScoreStatistics()
    for i in 0..<400 {
      let base = 0.05 + Double((i * 7919) % 1000) / 250
      let other = max(0.01, base + (Double((i * 104_729) % 1000) - 480) / 2000)
      let isRight = (i * 13) % 3 == 0
      statistics.add(
        PositionDivergence(
          kl: Double((i * 31) % 400) / 1000, baselineNLL: base, otherNLL: other, sameTop: true,
          baselineRight: isRight, otherRight: i % 17 == 0 ? i % 2 == 0 : isRight))
    }
    return statistics
  }()

  private func expect(_ found: Double, _ expected: Double, _ what: String) {
    #expect(abs(found - expected) <= 1e-9 * max(1, abs(expected)), "\(what): \(found)")
  }

  @Test func theRatioOfPerplexitiesHasTheErrorOfItsDifferences() {
    let figures = Self.statistics.fieldFigures
    expect(figures.lnRatio.mean, 0.0095, "ln")
    expect(figures.lnRatio.error, 0.007214381869877075, "its error")
    expect(figures.ratio.mean, 1.0095452682358568, "ratio")
    expect(figures.ratio.error, 0.007283245079980953, "its error")
    expect(figures.difference.mean, 0.07429514148099692, "difference")
    expect(figures.difference.error, 0.056519847687979956, "its error")
    expect(figures.correlation, 0.9922521593244679, "correlation")
  }

  @Test func probabilitiesOfTheRightTokenChange() {
    let change = Self.statistics.fieldFigures.probability
    expect(change.mean.mean, -0.003288490009379393, "mean")
    expect(change.mean.error, 0.0024502057307975, "its error")
    expect(change.rms.mean, 0.04905317428782484, "rms")
    expect(change.rms.error, 0.0031057455478208837, "its error")
    let expected: [(Double, Double)] = [
      (0, -0.20946917741053517), (0.001, -0.20781961452590722), (0.05, -0.09102122938748487),
      (0.5, -0.0006748012570929329), (0.999, 0.16285856963960382), (1, 0.16512327000008997),
    ]
    for (share, value) in expected { expect(change[share] ?? .nan, value, "\(share)") }
    expect(Self.statistics.divergence.p999 ?? .nan, 0.398601, "KL, 99.9 %")
  }

  @Test func flipsAreCountedBothWaysAndTested() {
    let flips = Self.statistics.fieldFigures.flips
    #expect(flips.tokens == 400 && flips.baselineRight == 134)
    #expect(flips.lost == 4 && flips.gained == 8)
    #expect(flips.right == 138)
    #expect(flips.p == PairedTest.mcNemar(lost: 4, gained: 8))
  }

  @Test(arguments: [
    (0, 0, 1), (3, 3, 1), (10, 2, 0.03857421875), (2, 10, 0.03857421875),
    (181, 139, 0.021760543146560906), (5000, 4700, 0.0023966033625776252),
    (40, 0, 1.8189894035458565e-12),
  ])
  func mcNemar(lost: Int, gained: Int, p: Double) {
    #expect(abs(PairedTest.mcNemar(lost: lost, gained: gained) - p) <= 1e-9 * p)
  }

  @Test func wilsonsIntervalSolvesItsEquation() {
    for (right, count, low, high) in [
      (7, 10, 0.39677814746114537, 0.8922087325936988), (0, 20, 0, 0.16112515805281938),
      (83, 100, 0.7445199523239889, 0.8910643388594004),
    ] {
      let found = WilsonShare(right: right, of: count)
      expect(found.low, low, "\(right) of \(count)")
      expect(found.high, high, "\(right) of \(count)")
    }
    #expect(WilsonShare(right: 0, of: 0).high == 1)
  }

  @Test func moreTextAddsUp() {
    var twice = Self.statistics
    twice.add(Self.statistics)
    let flips = twice.fieldFigures.flips
    #expect(flips.tokens == 800 && flips.lost == 8 && flips.gained == 16)
    expect(twice.fieldFigures.lnRatio.mean, 0.0095, "ln")
  }
}
