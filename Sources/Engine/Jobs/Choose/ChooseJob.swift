import DemoModel
import Evaluation
import Models
import Operators
import Planning
import Platform
import Quantization
import Tensors

/// Chooses a recipe for the open model: candidates of the targets that the plan gains by, raced on the same text, the best
/// timed under the planned workload, and the simplest of those that are equal recommended.
package struct ChooseJob: Job {
  package var options: ChooseOptions

  package init(options: ChooseOptions) { self.options = options }

  package static let name = "choose"
  package static let startsOver = true
  package static let staleAfter: Set<Change> = [.modelOpened, .modelChanged]
  package static let keptParts = 4096

  package var title: String { "Choosing a method" }
  package var words: String { "choose a method" }
  package func news(of report: ChooseReport) -> String? { "Chosen: \(report.headline)" }

  /// A candidate, as far as it is known.
  package typealias Part = ChooseReport.Row

  /// Share of the time that is left for timing.
  private static let timingShare = 0.3
  /// Choices whose measurements stay, so that the same with other limits need not measure again.
  private static let keptChoices = 8
  /// Share of the time after racing that caches may be read at depth for.
  private static let depthShare = 0.4
  /// Candidates that are timed at most.
  private static let finalists = 5

  /// - Throws: `EngineError.unknownRuntime`, `.notText`; what opening the texts throws.
  package func run(
    in laboratory: Laboratory, reporting reporter: JobReporter<Part>
  ) throws -> ChooseReport {
    let start = Machine.seconds()
    try checkRuntime()
    let held = try laboratory.openModel(for: "choosing a method")
    guard let tokenizer = held.tokenizer else {
      throw EngineError.notText(model: held.summary.name)
    }
    let shape = held.summary.shape
    let peaks =
      try machine.map { try laboratory.machines.named($0) }
      ?? laboratory.machinePeaks(reporter.withoutParts)
    let planner = Planner(
      model: shape, workload: options.workload, peaks: peaks, methods: .all)
    let plan = planner.plan()
    let resource: ChooseReport.Resource =
      plan.memory.total > (options.mostBytes ?? plan.memory.budget) ? .capacity : .time
    let candidates = ChooseCandidates(plan, shape: shape)
    let source = try laboratory.text(
      options.text, builtIn: \.evaluationText, name: "the built-in evaluation text", tokenizer)
    let text = try TextWindows(
      source.ids, protocol: .llamaCpp, window: nil, context: shape.context,
      bos: tokenizer.addedBegin(), most: max(1, options.windows), text: source.name)
    let calibration = try laboratory.calibrationWindows(held, options.calibration)
    let kept = try reporter.kept(
      of: held, in: laboratory, options: options.calibration,
      texts: ["calibration": calibration, "evaluation": text.windows])
    kept.plan(
      candidates.recipes.flatMap { recipe in
        text.windows.indices.map { "\(recipe), window \($0 + 1)" }
      })
    return try kept.during(keeping: Self.keptChoices) {
      var race = ChooseRace(
        laboratory: laboratory, held: held, options: options, plan: plan, planner: planner,
        calibration: calibration, text: text, reporter: reporter, kept: kept,
        clock: ChooseClock(deadline: start + options.seconds * (1 - Self.timingShare)))
      try race.add(candidates.recipes)
      try race.run(resource)
      if candidates.targets.count > 1 { try race.addPair(resource) }
      var report = ChooseReport(
        model: held.summary.label, machine: peaks.name, options: options, resource: resource,
        reason: plan.advice.first?.reason ?? "", targets: candidates.targets, text: source.name,
        windowTokens: text.length,
        calibrationText: options.calibration.text ?? "the built-in calibration text",
        planChange: plan.advice.first?.wouldChange ?? "")
      report.textWindows = text.windows.count
      let baseline = try time(
        &race, resource, planner, laboratory, held, reporter, &report,
        seconds: start + options.seconds - Machine.seconds())
      report.settle(baseline, race.entries.map(\.row))
      report.isWhole = !report.rows.contains { $0.standing == .notReached }
      report.seconds = Machine.seconds() - start
      return report
    }
  }

  /// The described machine; nil for this one.
  private var machine: String? { options.machine == "this" ? nil : options.machine }

  private func checkRuntime() throws {
    guard let runtime = options.runtime else { return }
    let known = RuntimeRules.coverage(RuntimeDemand()).map(\.runtime)
    guard known.contains(where: { $0.lowercased().hasPrefix(runtime.lowercased()) }) else {
      throw EngineError.unknownRuntime(name: runtime, known: known)
    }
  }

  /// Times the best candidates with the baseline, or takes a described machine's limits for it; yields the baseline's row.
  private func time(
    _ race: inout ChooseRace, _ resource: ChooseReport.Resource, _ planner: Planner,
    _ laboratory: Laboratory, _ held: Laboratory.OpenModel, _ reporter: JobReporter<Part>,
    _ report: inout ChooseReport, seconds: Double
  ) throws -> ChooseReport.Row {
    let plan = race.plan
    var baseline = ChooseReport.Row(
      recipe: .baseline, standing: .finalist, weightBytes: plan.memory.weights,
      cacheBytes: plan.memory.kvCache, predictedSeconds: planner.requestSeconds(plan))
    baseline.isWithin = plan.memory.total <= (options.mostBytes ?? plan.memory.budget)
    let since = Machine.seconds()
    // What has to be made again leaves time to be timed.
    let clock = ChooseClock(deadline: since + seconds / 2)
    try deepen(
      &race, finalists(race, resource), planner, seconds: seconds * Self.depthShare, clock)
    let places = finalists(race, resource)
    guard machine == nil else {
      // Nothing of a described machine can be timed: its limits are all there is.
      for place in places {
        race.time(place, WorkloadTimes(modelled: planner, race.entries[place].factors))
      }
      return baseline
    }
    guard !places.isEmpty else { return baseline }
    var subjects = [(side: laboratory.baseline(held), factors: Planner.Factors())]
    var timed: [Int] = []
    for place in places {
      guard let subject = try race.subject(place, by: clock) else { continue }
      subjects.append((subject, race.entries[place].factors))
      timed.append(place)
    }
    let seconds = max(1, seconds - (Machine.seconds() - since))
    let outcome = try WorkloadTiming(
      laboratory: laboratory, held: held, planner: planner, seconds: seconds,
      progress: { what, done, total, since in
        reporter.progress(what, done: done, of: total, unit: "sequences", since: since)
      }, checkpoint: reporter.checkpoint
    ).run(subjects)
    baseline.timing = outcome.times[0]
    for (place, times) in zip(timed, outcome.times.dropFirst()) { race.time(place, times) }
    report.timed = outcome.extent
    return baseline
  }

  /// Reads the quantized caches among some candidates at the planned depth.
  private func deepen(
    _ race: inout ChooseRace, _ places: [Int], _ planner: Planner, seconds: Double,
    _ clock: ChooseClock
  ) throws {
    let caches = places.filter { race.entries[$0].row.recipe.targets.contains(.kvCache) }
    var subjects: [EvaluationSubject] = []
    var deep: [Int] = []
    for place in caches {
      guard let subject = try race.subject(place, by: clock) else { continue }
      subjects.append(subject)
      deep.append(place)
    }
    let found = try ChooseDepth(
      laboratory: race.laboratory, held: race.held, options: options, planner: planner,
      reporter: race.reporter, kept: race.kept
    ).run(subjects, least: race.text.length, seconds: seconds)
    for (place, found) in zip(deep, found ?? []) { race.deepen(place, found) }
  }

  /// The best of those that run, by what is known before timing; all of them where all are asked for.
  private func finalists(_ race: ChooseRace, _ resource: ChooseReport.Resource) -> [Int] {
    Array(race.ranked(resource).prefix(options.exhaustive == true ? .max : Self.finalists))
  }
}
