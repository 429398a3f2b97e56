package import Engine
import Planning
package import Quantization

extension State {
  /// Asks the engine for something.
  package mutating func start(_ job: some Job) -> [Effect] {
    if let readOnly, !(job is LoadJob) {
      say(.information, readOnly)
      return []
    }
    let effects = jobs.start(job, now: now)
    if effects.isEmpty, let active = jobs.active {
      say(.information, "Queued: \(job.words). Waiting for: \(active.title)")
    }
    return effects
  }

  /// Asks the engine for something after which nothing is left of what was measured: after a question, where no run keeps
  /// that.
  ///
  /// A lesson asks for it itself, and keeps what it needs.
  package mutating func startAnew(_ job: some Job) -> [Effect] {
    guard readOnly == nil, lesson == nil, let lost = unkept else { return start(job) }
    overlay = .confirm(Confirmation(.replace(JobRequest(job)), title: lost))
    return []
  }

  /// What is measured of the model as it is, where no run keeps it: the recipe and the names of its measurements.
  ///
  /// A model that was made in a moment is made again in one, so that it counts only where that took longer.
  var unkept: String? {
    var names: [String] = []
    if facts[QuantizeJob.self] != nil, let made = jobs.latest(QuantizeJob.self),
      (made.until ?? now) - made.since >= Self.longMaking
    {
      names.append("the quantized model")
    }
    if facts[EvaluateJob.self] != nil { names.append("its quality") }
    if facts[BenchJob.self] != nil { names.append("its speed") }
    if facts[WorkloadJob.self] != nil { names.append("the workload's times") }
    let measured = jobs.latest(of: [
      QuantizeJob.self, EvaluateJob.self, BenchJob.self, WorkloadJob.self,
    ])
    let saved = jobs.latest(SaveJob.self)?.id.number ?? 0
    guard !names.isEmpty, facts[SaveJob.self] == nil || saved < measured?.id.number ?? 0 else {
      return nil
    }
    return "\(facts.quantized?.recipe ?? choices.recipe): \(names.joined(separator: ", "))"
  }

  /// Milliseconds of quantizing from which on a model counts as a result.
  private static let longMaking = 10_000

  /// Plans again for the workload as it is now, unless there is no model to plan for.
  package mutating func replan() -> [Effect] {
    guard facts.model != nil else { return [] }
    plannedRuns = catalog.runs.map(\.id)
    return start(PlanJob(workload: choices.workload, machine: choices.machine))
  }

  /// Whether runs were kept or deleted since the plan was made, which their figures correct.
  package var planLacksRuns: Bool { facts.plan != nil && plannedRuns != catalog.runs.map(\.id) }

  /// Prices the recipe as it is now, or another.
  package mutating func reassess(_ other: Recipe? = nil) -> [Effect] {
    guard facts.model != nil else { return [] }
    let recipe = other ?? choices.recipe
    if facts.job(AssessJob.self)?.recipe != recipe { facts[AssessJob.self] = nil }
    return start(AssessJob(recipe: recipe, calibration: choices.calibration))
  }

  /// Shows a short text for a while.
  package mutating func say(_ kind: Notice.Kind, _ text: String) {
    notices.removeAll { $0.text == text }
    notices.append(Notice(kind: kind, text: text, since: now))
    if notices.count > 4 { notices.removeFirst() }
  }

  /// Takes in what a job says.
  mutating func apply(_ event: JobEvent) -> [Effect] {
    guard let tracked = jobs[event.id] else { return [] }
    var effects = jobs.apply(event, now: now)
    switch event {
    case .started:
      begin(tracked.request.job)
      JobConsequences.of(tracked.request.name).begun(&self)
    case .part(_, let part): take(part, of: tracked.request.job)
    case .finished(_, let report): effects += finish(tracked.request.job, tracked, report)
    case .failed(_, let message):
      say(.problem, "Could not \(tracked.request.words): \(message)")
    case .cancelled: say(.information, "Cancelled: \(tracked.title)")
    case .progressed, .log: break
    }
    return effects
  }

  private mutating func begin(_ job: some Job) { facts.reports.begin(job) }

  private mutating func take<Kind: Job>(_ part: JobPayload, of job: Kind) {
    guard let part = part.value as? Kind.Part else { return }
    facts.reports.add(part, of: job)
  }

  /// Keeps a report, says so, and does what it leads to; one that is not of its job is refused.
  private mutating func finish<Kind: Job>(
    _ job: Kind, _ tracked: TrackedJob, _ payload: JobPayload
  ) -> [Effect] {
    guard payload.job == Kind.name, let report = payload.value as? Kind.Report else {
      say(
        .problem,
        "Job \(tracked.id.number): expected a report of \(Kind.name), found \(payload.job)")
      return []
    }
    if Kind.onlyNewestCounts, jobs.latest(Kind.self)?.id != tracked.id { return [] }
    let consequences = JobConsequences.of(Kind.name)
    if let problem = consequences.problem(payload) {
      say(.problem, problem)
      return []
    }
    facts.reports.finish(job, report)
    if let news = job.news(of: report) { say(.done, news) }
    return consequences.finished(&self, payload)
  }
}

extension State {
  /// Pauses or resumes the job that runs.
  mutating func togglePause() -> [Effect] {
    guard let active = jobs.active else { return [] }
    let pauses = active.status == .running
    jobs.setPaused(pauses, active.id)
    return [pauses ? .pause(id: active.id) : .resume(id: active.id)]
  }

  /// Asks whether the job that runs is to be cancelled.
  mutating func askToCancel() {
    guard let active = jobs.active else { return }
    overlay = .confirm(Confirmation(.cancel(id: active.id), title: active.title))
  }

  /// Quits, after a question while a job runs.
  mutating func askToQuit() -> [Effect] {
    guard let active = jobs.active else { return [.quit] }
    overlay = .confirm(Confirmation(.quit, title: active.title))
    return []
  }
}
