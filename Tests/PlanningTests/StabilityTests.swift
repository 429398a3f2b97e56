import Engine
import FoundationEssentials
import Models
import Operators
import Planning
import Testing

/// Advice that would be another within the spread of the peaks says so, and no other does.
@Suite struct StabilityTests {
  private static func measured(_ bandwidth: Double, spread: Double) -> MachinePeaks {
    var peaks = PlannerTests.gpu
    peaks.isMeasured = true
    peaks.readBandwidth = bandwidth
    peaks.measurement = PeakMeasurement(spreads: [
      .init(
        limit: .readBandwidth, lower: bandwidth * (1 - spread), upper: bandwidth * (1 + spread),
        undisturbed: 50, slices: 60)
    ])
    return peaks
  }

  private static let workload = Workload(
    context: 4096, promptTokens: 2048, generatedTokens: 128, memoryBudget: 80e9)

  private static func plan(_ peaks: MachinePeaks) -> PlanReport {
    PlannerTests.plan(workload, PlannerTests.llama3, peaks)
  }

  /// The bandwidth at which the first target changes, found by halving.
  private static func border() throws -> Double {
    func first(_ bandwidth: Double) -> QuantizationTarget? {
      plan(measured(bandwidth, spread: 0)).advice.first?.target
    }
    var (low, high) = (1e11, 1e14)
    #expect(first(low) == .weights && first(high) == .activations)
    for _ in 0..<60 {
      let middle = (low * high).squareRoot()
      if first(middle) == .weights { low = middle } else { high = middle }
    }
    return low
  }

  @Test func nearTheBorderBothTargetsAreNamed() throws {
    let border = try Self.border()
    let report = Self.plan(Self.measured(border * 0.97, spread: 0.05))
    let stability = try #require(report.stability)
    let flip = try #require(stability.flips.first { $0.target == nil })
    #expect(report.advice.first?.target == .weights)
    #expect(flip.advised == "weights" && flip.insteadTarget == .activations)
    #expect(flip.words.hasPrefix("Within the spread of the measured peaks (reading "))
    #expect(flip.words.hasSuffix("it is as good a start as the weights."))
    #expect(stability.words(of: .weights, isFirst: true).contains(flip.words))
    #expect(!stability.words(of: .activations, isFirst: false).contains(flip.words))
  }

  @Test func farFromTheBorderNothingIsSaid() throws {
    let border = try Self.border()
    for factor in [0.2, 5] {
      let report = Self.plan(Self.measured(border * factor, spread: 0.05))
      #expect(report.stability?.flips.filter { $0.target == nil } == [])
    }
    // A spread that reaches the border is told wherever the median lies.
    let wide = Self.plan(Self.measured(border * 0.5, spread: 1.5))
    #expect(wide.stability?.flips.contains { $0.insteadTarget == .activations } == true)
  }

  /// The rank of methods rests on peaks too: INT8 that is hardly faster may be no faster.
  @Test func ranksThatRestOnAPeakAreTold() throws {
    var peaks = Self.measured(2e12, spread: 0.02)
    peaks.fp8Rate = 610e12
    let report = Self.plan(peaks)
    #expect(report.advice.first { $0.target == .activations }?.methods.first == "fp8")
    let flip = try #require(report.stability?.flips.first { $0.target == .activations })
    #expect(flip.advised == "fp8" && flip.instead == "smoothquant")
    #expect(flip.words.contains("smoothquant would stand before fp8"))
  }

  @Test func dataSheetsHaveNoSpread() {
    #expect(PlannerTests.plan(Self.workload).stability == nil)
  }

  /// In JSON, and absent from reports that were made without.
  @Test func isKeptInTheReport() throws {
    let report = Self.plan(Self.measured(2e12, spread: 0.02))
    let data = try JSONEncoder().encode(report)
    let read = try JSONDecoder().decode(PlanReport.self, from: data)
    #expect(read.stability == report.stability && read.peaks == report.peaks)
    let text = String(decoding: data, as: UTF8.self)
    #expect(text.contains("\"stability\":"))
  }

  /// Wherever a probe lands within the spread, the plan of the median had named what it advises.
  @Test func whatAProbeWithinTheSpreadAdvisesWasNamed() throws {
    let border = try Self.border()
    for share in [0.8, 0.9, 0.95, 0.99, 1.01, 1.05, 1.1] {
      let report = Self.plan(Self.measured(border * share, spread: 0.12))
      let named =
        [report.advice[0].target] + (report.stability?.flips.compactMap(\.insteadTarget) ?? [])
      for other in [0.88, 0.94, 1, 1.06, 1.12] {
        let there = Self.plan(Self.measured(border * share * other, spread: 0))
        #expect(named.contains(there.advice[0].target), "\(share) x \(other)")
      }
    }
  }
}
