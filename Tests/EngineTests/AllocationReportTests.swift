import Engine
import Quantization
import Testing

@Suite struct AllocationReportTests {
  private func side(_ name: String, _ kl: Double, bytes: Int) -> AllocationReport.Side {
    AllocationReport.Side(
      name: name, recipe: .baseline, bytes: bytes, bitsPerWeight: 3, kl: kl, klError: 0.001)
  }

  private func report(
    mixed: Double, uniform: Double?, same: Double? = nil
  ) -> AllocationReport {
    AllocationReport(
      budgetBytes: 100, budgetBits: 3, widths: [2, 3, 4, 8], choices: [],
      mixed: side("mixed", mixed, bytes: 100), uniform: uniform.map { side("even", $0, bytes: 90) },
      mixedAtUniform: same.map { side("same", $0, bytes: 90) }, windows: 8, seconds: 1)
  }

  @Test func mixedWinsAtTheSameSize() {
    let report = report(mixed: 0.01, uniform: 0.03, same: 0.02)
    #expect(report.mixedWins == true && !report.restWins && report.advised.name == "mixed")
  }

  @Test func uniformWinsWhereTheDifferenceMayBeChance() {
    let report = report(mixed: 0.0295, uniform: 0.03, same: 0.0305)
    #expect(report.mixedWins == false && !report.restWins && report.advised.name == "even")
  }

  @Test func theRestOfTheBudgetCounts() {
    let report = report(mixed: 0.006, uniform: 0.15, same: 0.15)
    #expect(report.mixedWins == false && report.restWins && report.advised.name == "mixed")
  }

  @Test func withoutUniformBitsMixedOnesAreLeft() {
    let report = report(mixed: 0.01, uniform: nil)
    #expect(report.mixedWins == nil && report.advised.name == "mixed")
  }
}
