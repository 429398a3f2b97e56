import Evaluation
import FoundationEssentials
import Models
import Planning
import Platform
import Quantization
import Synchronization
import TestSupport
import Testing

@testable import Engine

/// Choosing: the rule by itself, then the whole on the built-in model.
@Suite(.serialized) struct ChooseTests {
  /// A report before it is settled.
  private static func report(
    _ resource: ChooseReport.Resource = .time, runtime: String? = nil
  ) -> ChooseReport {
    ChooseReport(
      model: "m", machine: "this",
      options: ChooseOptions(
        workload: Workload(context: 1024), runtime: runtime), resource: resource, reason: "r",
      targets: [.weights], text: "t", windowTokens: 512, calibrationText: "c",
      planChange: "")
  }

  private static func row(
    _ recipe: String, kl: Double = 0.001, speed: (Double, Double, Double)? = (2, 1.9, 2.1),
    bytes: Double = 50, standing: ChooseReport.Standing = .finalist, isWithin: Bool = true
  ) throws -> ChooseReport.Row {
    var row = ChooseReport.Row(
      recipe: Recipe(weights: try RecipeText.choice(recipe, target: .weights)),
      standing: standing, weightBytes: bytes)
    row.kl = Estimate(mean: kl, error: kl / 10)
    row.topOne = 0.98
    row.isWithin = isWithin
    row.windows = 4
    row.timing = speed.map { median, low, high in
      let spread = WorkloadTimes.Spread(median: median, low: low, high: high)
      return WorkloadTimes(
        request: 1 / median, promptSeconds: 0.5 / median, stepSeconds: 0.01 / median,
        speedup: spread, promptSpeedup: spread, stepSpeedup: spread, promptRate: 1, decodeRate: 1)
    }
    return row
  }

  private static var baseline: ChooseReport.Row {
    var row = ChooseReport.Row(recipe: .baseline, standing: .finalist, weightBytes: 100)
    row.isWithin = true
    return row
  }

  private func settled(
    _ rows: [ChooseReport.Row], _ resource: ChooseReport.Resource = .time,
    baseline: ChooseReport.Row = baseline, runtime: String? = nil
  ) -> ChooseReport {
    var report = Self.report(resource, runtime: runtime)
    report.settle(baseline, rows)
    return report
  }

  @Test func theFastestWithinTheLimitsWins() throws {
    let report = settled([
      try Self.row("rtn:4:64", speed: (2, 1.95, 2.05)),
      try Self.row("rtn:2:64", kl: 0.5, speed: (4, 3.9, 4.1), isWithin: false),
      try Self.row("rtn:3:64", speed: (3, 2.9, 3.1)),
    ])
    let winner = try #require(report.winner)
    #expect("\(report.rows[winner].recipe)" == "weights rtn:3:64")
    #expect(report.sentence.contains("`weights rtn:3:64`") && report.sentence.contains("3.00x"))
  }

  /// Of two that are equal within their spread the one without calibration.
  @Test func ofEqualsTheSimplestWins() throws {
    let calibrated = try Self.row("gptq:4:64", kl: 0.0005, speed: (2.02, 1.9, 2.2))
    let rounded = try Self.row("rtn:4:64", speed: (2.01, 1.9, 2.1))
    for rows in [[calibrated, rounded], [rounded, calibrated]] {
      let report = settled(rows)
      #expect(report.winner.map { "\(report.rows[$0].recipe)" } == "weights rtn:4:64")
      #expect(
        report.changes.contains { $0.contains("`weights gptq:4:64`") },
        "what a tighter limit leaves")
    }
    let apart = settled([try Self.row("gptq:4:64", speed: (3, 2.9, 3.1)), rounded])
    #expect(apart.winner.map { "\(apart.rows[$0].recipe)" } == "weights gptq:4:64")
  }

  /// A simpler recipe that is no better than nothing does not stand for one that is, however wide its spread.
  @Test func whatGainsNothingIsNoRival() throws {
    let report = settled([
      try Self.row("rtn:4:64", speed: (1.4, 0.87, 3.7)),
      try Self.row("gptq:4:64", speed: (1.5, 1.4, 1.6)),
    ])
    #expect(report.winner.map { "\(report.rows[$0].recipe)" } == "weights gptq:4:64")
  }

  @Test func whereNothingIsBetterTheBaselineStays() throws {
    let report = settled([try Self.row("rtn:4:64", speed: (1.05, 0.98, 1.1))])
    #expect(report.winner == 0)
    #expect(report.sentence.contains("the baseline stays"))
  }

  @Test func whereNothingIsWithinTheNearestIsNamed() throws {
    var large = Self.baseline
    large.isWithin = false
    let report = settled(
      [
        try Self.row("rtn:3:64", kl: 0.4, isWithin: false),
        try Self.row("rtn:4:64", kl: 0.1, isWithin: false),
      ], baseline: large)
    #expect(report.winner == nil)
    #expect(report.nearest.map { "\(report.rows[$0].recipe)" } == "weights rtn:4:64")
    #expect(report.sentence.contains("no method is within the limits"))
  }

  /// Where the workload does not fit, the fewest bytes win, and time decides nothing.
  @Test func capacityIsChosenByBytes() throws {
    var large = Self.baseline
    large.isWithin = false
    let report = settled(
      [
        try Self.row("rtn:4:64", speed: (3, 2.9, 3.1), bytes: 30),
        try Self.row("rtn:3:64", speed: (1, 0.9, 1.1), bytes: 22),
      ], .capacity, baseline: large)
    #expect(report.winner.map { "\(report.rows[$0].recipe)" } == "weights rtn:3:64")
  }

  /// What the runtime that was asked for expands or refuses is not recommended.
  @Test func aRuntimeMustExecuteIt() throws {
    var expanded = try Self.row("rtn:3:64", speed: (3, 2.9, 3.1))
    expanded.support = RuntimeCoverage(
      runtime: "vLLM (CUDA)", support: .fallback, constraint: "", nearest: "")
    var native = try Self.row("rtn:4:64")
    native.support = RuntimeCoverage(
      runtime: "vLLM (CUDA)", support: .native, constraint: "", nearest: "")
    let report = settled([expanded, native], runtime: "vllm")
    #expect(report.winner.map { "\(report.rows[$0].recipe)" } == "weights rtn:4:64")
    #expect(settled([expanded], runtime: "vllm").winner == nil)
  }

  /// A laboratory with its own data folder.
  private func laboratory(_ folder: TemporaryFolder) throws -> Laboratory {
    let locator = ResourceLocator(
      environment: ProcessInfo.processInfo.environment.merging(
        ["XDG_DATA_HOME": folder.path + "/data"]
      ) { $1 },
      executable: try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
    let laboratory = try Laboratory(threads: 2, locator: locator)
    _ = try perform(laboratory, LoadJob(path: nil))
    return laboratory
  }

  private static func options(_ kl: Double = 0.05) -> ChooseOptions {
    ChooseOptions(
      workload: Workload(context: 512, promptTokens: 128, generatedTokens: 32), mostKL: kl,
      windows: 5, calibration: CalibrationOptions(samples: 2, length: 64), seconds: 600)
  }

  @Test func theBuiltInModelGetsARecipe() throws {
    let folder = try TemporaryFolder()
    let laboratory = try laboratory(folder)
    let told = Mutex<[ChooseReport.Row]>([])
    let report = try perform(laboratory, ChooseJob(options: Self.options())) { event in
      if case .part(_, let part) = event, let row = part.value as? ChooseReport.Row {
        told.withLock { $0.append(row) }
      }
    }
    #expect(report.isWhole && report.rows[0].recipe.isBaseline)
    #expect(Set(report.rows.map(\.recipe)).count == report.rows.count)
    let finalists = report.rows.filter { $0.standing == .finalist }
    #expect(finalists.count >= 3 && finalists.allSatisfy { $0.timing != nil })
    #expect(report.rows[0].timing?.speedup.median == 1)
    for row in report.rows.dropFirst() {
      #expect(row.standing == .refused || row.kl != nil, "\(row.recipe) \(row.standing)")
      #expect(row.standing == .finalist || row.standing == .untimed || !row.reason.isEmpty)
      if row.standing == .left { #expect(row.windows < 5) }
      if row.standing == .finalist { #expect(row.windows == 5) }
    }
    let winner = try #require(report.winner)
    #expect(report.rows[winner].isWithin == true)
    #expect(report.sentence.hasPrefix("For 1 request of 512 tokens"))
    #expect(
      Set(told.withLock { $0 }.map(\.recipe)).isSuperset(of: report.rows.dropFirst().map(\.recipe)))
    let data = try JSONEncoder().encode(report)
    #expect(try JSONDecoder().decode(ChooseReport.self, from: data) == report)
  }

  /// The same figures when it is resumed: only times are others.
  @Test func anInterruptedChoiceGoesOnToTheSameFigures() throws {
    let folder = try TemporaryFolder()
    let laboratory = try laboratory(folder)
    func figures(_ report: ChooseReport) -> [String: Estimate] {
      Dictionary(
        report.rows.compactMap { row in row.kl.map { ("\(row.recipe) \(row.windows)", $0) } },
        uniquingKeysWith: { first, _ in first })
    }
    let job = ChooseJob(options: Self.options())
    let straight = figures(try perform(laboratory, job))
    #expect(throws: Ended.self) { try perform(laboratory, job, stopping: 12) }
    let resumed = figures(try perform(laboratory, job, resuming: .required))
    #expect(resumed == straight)
  }

  /// Caches that are left are read at the planned depth; the figure decides as well, and is in the sentence.
  @Test func cachesAreReadAtDepth() throws {
    let folder = try TemporaryFolder()
    var options = Self.options(0.5)
    options.workload = Workload(
      context: 900, requests: 400, promptTokens: 64, generatedTokens: 16, batch: 2,
      memoryBudget: 1_000_000_000)
    options.windows = 2
    let laboratory = try laboratory(folder)
    let report = try perform(laboratory, ChooseJob(options: options))
    let deep = report.rows.filter { $0.atDepth != nil }
    #expect(!deep.isEmpty && deep.allSatisfy { $0.recipe.targets.contains(.kvCache) })
    #expect(deep.allSatisfy { $0.atDepth?.depth == 900 - 64 && $0.atDepth?.tokens == 128 })
    let winner = try #require(report.winner)
    #expect(report.rows[winner].atDepth != nil)
    #expect(report.headline.contains("at a depth of 836 KL"))
    // A limit below what the deep cache loses, and above what windows show, would leave it out.
    let row = report.rows[winner]
    let shallow = try #require(row.kl?.mean)
    let loss = try #require(row.atDepth?.kl)
    if loss.mean - loss.error > shallow {
      options.mostKL = (loss.mean - loss.error + shallow) / 2
      let stricter = try perform(laboratory, ChooseJob(options: options))
      let same = try #require(stricter.rows.first { $0.recipe == row.recipe })
      #expect(same.isWithin == false && same.reason.contains("at a depth of 836 tokens"))
    }
  }

  /// Nobody leaves early, and everyone is timed.
  @Test func anExhaustiveChoiceMeasuresAll() throws {
    let folder = try TemporaryFolder()
    var options = Self.options()
    options.exhaustive = true
    let report = try perform(try laboratory(folder), ChooseJob(options: options))
    let measured = report.rows.dropFirst().filter { $0.standing != .refused }
    #expect(measured.count > 5)
    #expect(measured.allSatisfy { $0.standing == .finalist && $0.windows == 5 && $0.timing != nil })
  }

  @Test func noTimeIsSaid() throws {
    let folder = try TemporaryFolder()
    var options = Self.options()
    options.seconds = 0.001
    let report = try perform(try laboratory(folder), ChooseJob(options: options))
    #expect(!report.isWhole)
    #expect(
      report.rows.dropFirst().allSatisfy { $0.standing == .notReached || $0.standing == .refused })
    #expect(report.changes.contains { $0.hasPrefix("Not measured, since the time was over: ") })
  }

  @Test func anUnknownRuntimeIsRefusedByName() throws {
    let folder = try TemporaryFolder()
    var options = Self.options()
    options.runtime = "vlm"
    let error = #expect(throws: Ended.self) {
      try perform(try laboratory(folder), ChooseJob(options: options))
    }
    guard case .failed(_, let message)? = error?.event else { throw Ended(event: error?.event) }
    #expect(
      message.hasPrefix("unknown runtime 'vlm': expected 'nibble' or a part of one of vLLM (CUDA)"))
  }

  /// A described machine is not timed: its limits are what there is, and the report says so.
  @Test func aDescribedMachineIsModelled() throws {
    let folder = try TemporaryFolder()
    var options = Self.options()
    options.machine = "H100 SXM"
    let report = try perform(try laboratory(folder), ChooseJob(options: options))
    #expect(report.timed == nil && report.isModelled)
    #expect(report.machine == "H100 SXM")
    for row in report.rows where row.standing == .finalist && !row.recipe.isBaseline {
      #expect(row.timing?.request == row.predictedSeconds)
    }
  }
}
