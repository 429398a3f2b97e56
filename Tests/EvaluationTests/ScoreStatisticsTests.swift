import Evaluation
import Testing

@Suite struct ScoreStatisticsTests {
  @Test func percentilesAreLinearBetweenNeighbours() {
    #expect(ScoreStatistics.percentile([0, 10], 0.5) == 5)
    #expect(ScoreStatistics.percentile([1, 2, 3, 4, 5], 0.9) == 4.6)
    #expect(ScoreStatistics.percentile([], 0.5) == 0)
  }

  @Test func meanAndStandardError() {
    let values = (0..<100).map { Double($0 % 2) }
    let estimate = ScoreStatistics.mean(values)
    #expect(estimate.mean == 0.5)
    // sqrt(0.25 / 99)
    #expect(abs(estimate.error - 0.050252) < 1e-6)
    #expect(ScoreStatistics.mean([1, 2]).error == 0)
  }
}
