import Engine
import Evaluation
import Planning
import Profiling
import Quantization
import Testing
import Workbench

/// What moved in a report, and whether that is more than sums in another order.
@Suite struct ReportComparisonTests {
  private static func compare<Kind: Job>(
    _ kind: Kind.Type, _ report: Kind.Report, _ change: (inout Kind.Report) -> Void = { _ in }
  ) throws -> ReportComparison {
    var now = report
    change(&now)
    return try ReportComparison(
      job: Kind.name, then: JobPayload(report, of: kind), now: JobPayload(now, of: kind))
  }

  @Test func theSameReportHolds() throws {
    for comparison in [
      try Self.compare(EvaluateJob.self, SampleRun.evaluation),
      try Self.compare(QuantizeJob.self, SampleRun.quantized),
    ] {
      #expect(comparison.holds && comparison.moved.isEmpty && comparison.compared > 5)
    }
  }

  @Test func aLittleIsSumsInAnotherOrderAndMoreIsNot() throws {
    let little = try Self.compare(EvaluateJob.self, SampleRun.evaluation) { $0.kl.mean *= 1.004 }
    #expect(little.holds)
    let moved = try #require(little.moved.first { $0.name == "kl.mean" })
    #expect(moved.isWithin == true && abs(moved.distance - 0.004) < 1e-4)
    let much = try Self.compare(EvaluateJob.self, SampleRun.evaluation) { $0.kl.mean *= 1.1 }
    #expect(!much.holds)
    #expect(much.moved.first { $0.name == "kl.mean" }?.isWithin == false)
  }

  @Test func noNumberWhereOneWasIsBeyondTolerance() throws {
    let lost = try Self.compare(EvaluateJob.self, SampleRun.evaluation) { $0.kl.mean = .nan }
    #expect(!lost.holds)
  }

  @Test func timesAreToldAndDecideNothing() throws {
    let comparison = try Self.compare(BenchJob.self, SampleRun.bench) {
      $0.quantized.decode.tokensPerSecond *= 2
    }
    #expect(comparison.holds)
    #expect(comparison.moved.contains { $0.isWithin == nil && $0.distance > 0.9 })
  }

  @Test func anotherMethodIsAnotherChoice() throws {
    let comparison = try Self.compare(QuantizeJob.self, SampleRun.quantized) {
      $0.recipe = (try? RecipeText.recipe("weights=awq:3:64")) ?? .baseline
    }
    #expect(!comparison.holds)
    #expect(comparison.choices.contains { $0.now.contains("awq") })
  }

  @Test func fewerLayersAreNamed() throws {
    let comparison = try Self.compare(QuantizeJob.self, SampleRun.quantized) {
      $0.layers.removeLast()
    }
    #expect(!comparison.holds)
    #expect(comparison.moved.contains { $0.reason == "another number of rows" })
  }

  @Test func aRaceIsJudgedByWhatItChose() throws {
    let report = SampleChoice.report(ChooseOptions(workload: Workload(context: 2048)))
    let comparison = try Self.compare(ChooseJob.self, report) {
      $0.rows = $0.rows.reversed()
      $0.winner = $0.winner.map { [count = report.rows.count] in count - 1 - $0 }
    }
    #expect(comparison.holds, "\(comparison)")
  }
}
