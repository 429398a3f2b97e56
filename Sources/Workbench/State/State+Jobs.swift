package import Engine
import Evaluation
import Models
import Planning
import Profiling

extension State {
  /// Asks the engine for something.
  package mutating func start(_ request: JobRequest) -> [Effect] {
    let effects = jobs.start(request, now: now)
    if effects.isEmpty, let active = jobs.active {
      say(.information, "Queued: \(request.words). Waiting for: \(active.title)")
    }
    return effects
  }

  /// Plans again for the workload as it is now, unless there is no model to plan for.
  package mutating func replan() -> [Effect] {
    guard facts.model != nil else { return [] }
    return start(.plan(workload: choices.workload, machine: choices.machine))
  }

  /// Prices the recipe as it is now.
  package mutating func reassess() -> [Effect] {
    guard facts.model != nil else { return [] }
    if facts.assessment?.recipe != choices.recipe { facts.assessment = nil }
    return start(.assess(recipe: choices.recipe, calibration: choices.calibration))
  }

  /// Shows a short text for a while.
  package mutating func say(_ kind: Notice.Kind, _ text: String) {
    notices.removeAll { $0.text == text }
    notices.append(Notice(kind: kind, text: text, since: now))
    if notices.count > 4 { notices.removeFirst() }
  }

  /// Takes in what a job says.
  mutating func apply(_ event: JobEvent) -> [Effect] {
    guard let job = jobs[event.id] else { return [] }
    var effects = jobs.apply(event, now: now)
    switch event {
    case .layer(_, let report):
      if facts.layers.count < 16_384 { facts.layers.append(report) }
    case .surveyed(_, let survey): facts.survey = survey
    case .labRow(_, let lab, let row): add(row, lab, job.request)
    case .cacheRow(_, let facts, let row): add(row, facts, job.request)
    case .batchPoints(_, let report): facts.batches = report
    case .finished(_, let result): effects += apply(result, of: job)
    case .failed(_, let message):
      say(.problem, "Could not \(job.request.words): \(message)")
    case .cancelled: say(.information, "Cancelled: \(job.title)")
    case .started, .progressed, .log: break
    }
    if case .started = event { begin(job.request) }
    return effects
  }

  /// Clears what a job that begins will tell anew.
  private mutating func begin(_ request: JobRequest) {
    switch request {
    case .quantize: facts.layers = []
    case .surveyCalibration: facts.survey = nil
    case .allocate: facts.allocation = nil
    case .surveyOutliers: facts.outliers = nil
    case .outlierLab: facts.outlierLab = nil
    case .compareCaches: facts.caches = nil
    case .timeBatches: facts.batches = nil
    case .compareProviders: facts.providers = nil
    default: break
    }
  }

  private mutating func apply(_ result: JobResult, of job: TrackedJob) -> [Effect] {
    switch result {
    case .model(let summary): return opened(summary)
    case .machine(let peaks):
      facts.peaks = peaks
      return replan()
    case .plan(let report):
      guard job.id == jobs.latest(where: \.isPlan)?.id else { return [] }
      facts.plan = report
    case .cachesMeasured(let report):
      facts.cacheFill = report
      say(.done, "Caches measured: \(report.verdict)")
    case .assessed(let report):
      guard report.recipe == choices.recipe else { return [] }
      facts.assessment = report
    case .quantized(let report):
      facts.forgetMeasurements()
      facts.quantized = report
      facts.layers = report.layers
      say(.done, "Quantized: \(report.recipe)")
    case .cell(let detail): facts.cell = detail
    case .restored(let report): facts.restored = report
    case .sensitivity(let map): facts.sensitivity = map
    case .surveyed(let survey):
      facts.survey = survey
      say(.done, "Calibration text surveyed: the error is \(survey.verdict)")
    case .allocated(let report):
      facts.allocation = report
      say(.done, "Budget spent: \(report.advised.name) is the advice")
    case .outliers(let survey):
      facts.outliers = survey
      say(.done, "Outliers surveyed over \(survey.tokens) tokens")
    case .planted(let report): return planted(report)
    case .rotated(let report): return rotated(report)
    case .outlierLab(let report):
      facts.outlierLab = report
      say(.done, "Measured what outliers do to each method")
    case .caches(let report):
      facts.caches = report
      say(.done, "Compared \(report.rows.count) caches")
    case .batched(let report):
      facts.batches = report
      say(.done, "Timed \(report.forms.count) forms at \(report.batches.count) batches")
    case .cacheSpeed(let report): say(.done, "Timed caches: \(report.rows.count) rows")
    case .evaluated(let report):
      facts.evaluation = report
      say(.done, "Quality measured over \(report.tokens) tokens")
    case .continued(let report): facts.continuation = report
    case .recalled(let report): facts.recall = report
    case .benched(let report):
      facts.bench = report
      say(.done, "Speed measured, baseline beside it")
    case .providers(let report):
      facts.providers = report
      say(.done, "Compared \(report.rows.count) ways to run the model")
    case .kernelsChecked(let report):
      say(.done, "Kernels checked: \(report.passes ? "all agree" : "some are off")")
    case .exported(let path, let bytes):
      facts.exported = ExportedArtifact(path: path, bytes: bytes)
      say(.done, "Written: \(path)")
    case .saved(let run):
      facts.saved = run
      catalog.apply(.run(record: run))
      say(.done, "Saved as run \(run.id); it is on the Compare screen now")
    }
    return []
  }

  /// A row of the outlier lab, which is shown while it grows.
  private mutating func add(
    _ row: OutlierLabReport.Row, _ lab: OutlierLabReport.Facts, _ request: JobRequest
  ) {
    guard case .outlierLab(let options) = request else { return }
    var report =
      facts.outlierLab ?? OutlierLabReport(model: facts.model?.name ?? "", options: options)
    report.add(row, lab)
    facts.outlierLab = report
  }

  /// Another cache, which is shown beside those that are measured already.
  private mutating func add(
    _ row: CacheReport.Row, _ common: CacheReport.Facts, _ request: JobRequest
  ) {
    guard case .compareCaches(let options) = request else { return }
    var report = facts.caches ?? CacheReport(facts: common, options: options)
    report.rows.append(row)
    facts.caches = report
  }

  /// The open model has other outliers now: what was made of it is gone.
  private mutating func planted(_ report: PlantingReport) -> [Effect] {
    changed(report.summary)
    facts.planting = report
    say(.done, report.planting.map { "Outliers: \($0)" } ?? "Planted outliers taken out")
    return reassess()
  }

  /// The residual stream of the open model is another one: what was made of it is gone.
  private mutating func rotated(_ report: RotationReport) -> [Effect] {
    changed(report.summary)
    say(.done, report.rotation.map { "Residual stream: \($0)" } ?? "Residual stream turned back")
    return reassess()
  }

  private mutating func changed(_ summary: ModelSummary) {
    facts.model = summary
    facts.forgetMeasurements()
    facts.quantized = nil
    facts.layers = []
    facts.outliers = nil
    facts.survey = nil
    facts.allocation = nil
  }

  private mutating func opened(_ summary: ModelSummary) -> [Effect] {
    guard summary.shape.isPlausible else {
      say(.problem, "The model \(summary.name) has impossible sizes: \(summary.shape)")
      return []
    }
    facts.forgetModel()
    facts.model = summary
    choices.workload.context = min(max(1, summary.shape.context), 8192)
    choices.workload.promptTokens = max(1, choices.workload.context * 3 / 4)
    choices.workload.generatedTokens = max(1, choices.workload.context / 4)
    say(.done, "Opened \(summary.name)")
    return replan() + reassess()
  }
}

extension JobRequest {
  /// Whether this is a plan.
  package var isPlan: Bool { if case .plan = self { true } else { false } }
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
