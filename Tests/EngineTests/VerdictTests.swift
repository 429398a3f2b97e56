import Engine
import Evaluation
import Testing

@Suite struct VerdictTests {
  private func evaluation(kl: Double) -> EvaluationReport {
    EvaluationReport(
      recipe: "x", protocol: .llamaCpp, window: 512, windows: 1, tokens: 255, text: "t",
      weightBytes: 1, kvBytesPerToken: 1, perplexity: 2, perplexityError: 0,
      baseline: .init(name: "BF16", perplexity: 2, perplexityError: 0),
      kl: DivergenceReport(
        mean: kl, error: 0, median: kl, p90: kl, p95: kl, p99: kl, max: kl),
      topOneAgreement: 1, topOneAgreementError: 0, noiseFloor: .init(klMean: 1e-6), seconds: 1)
  }

  @Test func nothingMeasuredIsUnknown() {
    let verdict = Verdict.judge(plan: nil, quantize: nil, evaluation: nil, bench: nil)
    #expect(verdict.checks.count == 4)
    #expect(verdict.checks.allSatisfy { $0.mark == .unknown })
    #expect(!verdict.next.isEmpty)
  }

  @Test(arguments: [(0.001, Verdict.Mark.pass), (0.05, .warn), (0.5, .fail)])
  func qualityFollowsTheDivergence(kl: Double, mark: Verdict.Mark) {
    let verdict = Verdict.judge(
      plan: nil, quantize: nil, evaluation: evaluation(kl: kl), bench: nil)
    #expect(verdict.checks[1].mark == mark)
    #expect((mark == .pass) == !verdict.next.contains { $0.contains("Quality") })
  }
}
