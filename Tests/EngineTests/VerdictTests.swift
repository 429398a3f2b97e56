import Evaluation
import Models
import Planning
import Quantization
import Testing
import Wording

@testable import Engine

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

/// The fourth check under the planned workload, and the sentence that follows.
@Suite struct PlannedVerdictTests {
  private static let workload = Workload(
    context: 4096, requests: 16, promptTokens: 512, generatedTokens: 128, batch: 16)

  private static func report(
    step: (Double, Double, Double), prompt: Double = 1.2,
    resource: WorkloadReport.Resource = .time, phase: WorkloadReport.Phase = .decode,
    bytes: Double = 60, budget: Double = 200, error: Double? = nil
  ) -> WorkloadReport {
    func spread(_ value: (Double, Double, Double)) -> WorkloadTimes.Spread {
      WorkloadTimes.Spread(median: value.0, low: value.1, high: value.2)
    }
    func side(_ recipe: String, _ step: (Double, Double, Double), _ prompt: Double, _ bytes: Double)
      -> WorkloadReport.Side
    {
      WorkloadReport.Side(
        recipe: recipe,
        times: WorkloadTimes(
          request: 1 / step.0, promptSeconds: 0.2 / prompt, stepSeconds: 0.1 / step.0,
          speedup: spread(step), promptSpeedup: spread((prompt, prompt, prompt)),
          stepSpeedup: spread(step), promptRate: 0, decodeRate: 0), weightBytes: bytes,
        cacheBytes: 10, fittingRequests: Int(budget - bytes) / 10)
    }
    return WorkloadReport(
      workload: workload, machine: "this", isDescribed: false, resource: resource, phase: phase,
      phaseShare: 0.8, budget: budget, activationBytes: 5,
      baseline: side("FP", (1, 1, 1), 1, 100), quantized: side("W4", step, prompt, bytes),
      extent: WorkloadTimes.Extent(
        prompt: 512, plannedPrompt: 512, depth: error == nil ? 4096 : 1024, plannedDepth: 4096,
        batch: 16, plannedBatch: 16, rounds: 5, modelError: error))
  }

  private static func check(
    _ report: WorkloadReport, limits: DecisionLimits = DecisionLimits()
  ) -> (Verdict.Check, [String]) {
    var next: [String] = []
    let check = Verdict.bottleneck(report, nil, limits, next: &next)
    return (check, next)
  }

  /// The phase that binds decides, at its lower quartile, by the limit.
  @Test func thePhaseThatBindsDecides() {
    #expect(Self.check(Self.report(step: (1.5, 1.4, 1.6))).0.mark == .pass)
    #expect(Self.check(Self.report(step: (1.2, 1.05, 1.3))).0.mark == .warn)
    #expect(Self.check(Self.report(step: (0.9, 0.85, 0.95))).0.mark == .fail)
    let strict = DecisionLimits(leastSpeedup: 1.45)
    let (check, next) = Self.check(Self.report(step: (1.5, 1.4, 1.6)), limits: strict)
    #expect(check.mark == .warn && check.evidence.contains("limit 1.45x"))
    #expect(next.contains { $0.contains("1.45x") })
  }

  /// What was advised for prefill does not pass by a faster decode.
  @Test func aSlowerPromptFailsWherePrefillBinds() {
    let (check, _) = Self.check(Self.report(step: (1.5, 1.4, 1.6), prompt: 0.9, phase: .prefill))
    #expect(check.mark == .fail)
    let (other, next) = Self.check(Self.report(step: (1.5, 1.4, 1.6), prompt: 0.9))
    #expect(other.mark == .pass)
    #expect(next.contains { $0.hasPrefix("Prefill") && $0.contains("0.90x") })
  }

  /// The model's own error widens the interval.
  @Test func whatIsModelledCountsWithItsError() {
    let sure = Self.check(Self.report(step: (1.2, 1.18, 1.22)))
    #expect(sure.0.mark == .pass && sure.0.evidence.contains("measured in 5 rounds"))
    let modelled = Self.check(Self.report(step: (1.2, 1.18, 1.22), error: 0.15))
    #expect(modelled.0.mark == .warn)
    #expect(modelled.0.evidence.contains("modelled") && modelled.0.evidence.contains("15 %"))
  }

  @Test func whereMemoryBindsItHasToFit() {
    let fits = Self.check(Self.report(step: (0.9, 0.8, 1), resource: .capacity, budget: 80))
    #expect(fits.0.mark == .pass && fits.0.evidence.contains("requests"))
    let tight = Self.check(Self.report(step: (2, 2, 2), resource: .capacity, budget: 70))
    #expect(tight.0.mark == .warn)
    let large = Self.check(
      Self.report(step: (2, 2, 2), resource: .capacity, bytes: 98, budget: 70))
    #expect(large.0.mark == .fail)
  }

  private static func quantize(_ recipe: String) throws -> QuantizeReport {
    QuantizeReport(
      recipe: Recipe(weights: try RecipeText.choice(recipe, target: .weights)), seconds: 1,
      peakResidentBytes: 1, outputBytes: 60, baselineBytes: 100, kvBytesPerToken: 1,
      baselineKVBytesPerToken: 1, layers: [], maps: [])
  }

  /// One sentence with recipe, workload and figures; what fails or is open is said first.
  @Test func theDecisionIsOneSentence() throws {
    func decide(_ marks: [Verdict.Mark], _ report: WorkloadReport?) throws -> String {
      let checks = marks.map { Verdict.Check(question: "q", mark: $0, evidence: "e") }
      return try #require(
        Decision(
          checks: checks, quantize: Self.quantize("rtn:4:64"), evaluation: nil, workload: report,
          planned: Self.workload
        ).sentence)
    }
    let report = Self.report(step: (1.5, 1.4, 1.6))
    let good = try decide([.pass, .pass, .pass, .pass], report)
    #expect(
      good
        == "Take `weights rtn:4:64` for 16 requests of \(Quantity.grouped(4096)) tokens (512 prompt, 128 generated, 16 decoded together) on "
        + "this machine: decode, 80 % of a request, runs 1.50x, 1.40 to 1.60 as fast; weights and cache 110 B -> 70 B."
    )
    #expect(
      try decide([.pass, .warn, .pass, .warn], report).contains("a reservation (checks 2 and 4)"))
    #expect(try decide([.pass, .fail, .pass, .pass], report).hasPrefix("Do not take"))
    #expect(try decide([.pass, .pass, .unknown, .pass], nil).hasPrefix("Not decided yet: check 3"))
    let nothing = Decision(
      checks: [], quantize: nil, evaluation: nil, workload: nil, planned: nil)
    #expect(nothing.sentence == nil)
  }
}
