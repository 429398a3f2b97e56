import Engine
import Models
import Operators
import Planning
import Testing

/// What was measured on the model changes the places of methods among each other, and no others.
@Suite struct MeasuredMethodTests {
  private func ranking(_ measured: [MeasuredMethod]) throws -> [PlanReport.RankedMethod] {
    var methods = PlannedMethods.all
    methods.measured = measured
    let report = Planner(
      model: PlannerTests.llama3, workload: Workload(context: 8192), peaks: PlannerTests.gpu,
      methods: methods
    ).plan()
    return try #require(report.advice.first { $0.target == .weights }).ranking
  }

  private func run(_ name: String, _ kl: Double, bits: Int = 4) -> MeasuredMethod {
    MeasuredMethod(
      target: .weights, name: name, bits: bits, kl: kl, error: 0.004, run: "0001-\(name)")
  }

  @Test func theLeastKLComesFirst() throws {
    #expect(try ranking([]).map(\.name) == ["gptq", "awq", "hqq", "rtn"])
    let found = try ranking([run("gptq", 0.265), run("hqq", 0.21)])
    #expect(found.map(\.name) == ["hqq", "awq", "gptq", "rtn"])
    #expect(
      found[0].why
        == "measured here: KL 0.210 +- 0.0040 (run 0001-hqq); in general: needs no calibration text and takes seconds, at a "
        + "larger error")
    #expect(found[2].measured?.kl == 0.265 && found[1].measured == nil)
    let all = try ranking([run("rtn", 0.1), run("gptq", 0.2), run("hqq", 0.3), run("awq", 0.4)])
    #expect(all.map(\.name) == ["rtn", "gptq", "hqq", "awq"])
  }

  @Test func otherBitsAndOtherTargetsSayNothing() throws {
    var cache = run("hqq", 0.01)
    cache.target = .kvCache
    let found = try ranking([run("gptq", 0.265), run("hqq", 0.01, bits: 3), cache])
    #expect(found.map(\.name) == ["gptq", "awq", "hqq", "rtn"])
    #expect(found[0].measured?.kl == 0.265 && found[2].measured == nil)
  }
}
