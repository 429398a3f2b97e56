import Engine
import Profiling
import TerminalUI
import Testing
import Workbench

/// Drives a workbench as a user and an engine would: keys in, effects answered by sample reports, screens out.
struct Play {
  var store: Store
  private(set) var effects: [Effect] = []
  private(set) var time = 0
  /// Everything that was sent, as it was sent.
  private(set) var messages: [Message] = []
  /// Whether effects are answered at once, as a fast engine would.
  var answers = true

  init(width: Int = 100, height: Int = 30, catalog: Bool = true) {
    store = Store(state: State(size: Size(width: width, height: height)))
    if catalog { for message in SampleRun.catalog { send(message) } }
  }

  var state: State { store.state }

  mutating func send(_ message: Message) {
    time += 40
    messages.append(message)
    let new = store.send(message, at: time)
    effects += new
    guard answers else { return }
    for case .run(let id, let request) in new { answer(id, request) }
  }

  /// Keys by name; a word that is no key is typed letter by letter.
  mutating func press(_ names: String...) {
    for name in names {
      if let press = KeyPress(name: name) {
        send(.key(press))
      } else {
        for character in name { send(.key(.character(character))) }
      }
    }
  }

  mutating func job(_ event: JobEvent) { send(.job(event: event)) }

  /// Answers a job as the engine would.
  mutating func answer(_ id: JobID, _ request: JobRequest) {
    job(.started(id: id, title: request.words))
    switch request {
    case .quantize:
      for (index, layer) in SampleRun.layers.enumerated() {
        job(.layer(id: id, report: layer))
        if index % 7 == 6 { job(.progressed(id: id, progress: Self.progress(index + 1))) }
        if index == 22 {
          job(.log(id: id, text: "block 3, k: Cholesky failed, damping 0.01 to 0.1"))
        }
      }
    case .surveyCalibration:
      for count in 1...SampleRun.survey.points.count {
        var survey = SampleRun.survey
        survey.points = Array(survey.points.prefix(count))
        job(.surveyed(id: id, survey: survey))
      }
    default: break
    }
    job(.finished(id: id, result: Self.result(request, state)))
  }

  static func progress(_ done: Int) -> JobProgress {
    JobProgress(
      phase: "quantizing block \(done / 7) of \(SampleRun.blocks)", done: done, total: 56,
      unit: "layers",
      secondsElapsed: Double(done) * 0.85, secondsLeft: Double(56 - done) * 0.85,
      rate: 1180 + Double(done * 13 % 40), rateUnit: "tokens/s",
      peakResidentBytes: 380_000_000 + done * 400_000)
  }

  static func result(_ request: JobRequest, _ state: State) -> JobResult {
    switch request {
    case .load: .model(summary: SampleRun.summary)
    case .measureMachine: .machine(peaks: SampleRun.peaks)
    case .plan(let workload, _): .plan(report: SampleRun.plan(workload))
    case .measureCaches(let workload, _): .cachesMeasured(report: SampleRun.caches(workload))
    case .assess(let recipe, _): .assessed(report: SampleRun.assessment(recipe))
    case .quantize(let recipe, _, _):
      {
        var report = SampleRun.quantized
        report.recipe = recipe
        return .quantized(report: report)
      }()
    case .inspectCell(let map, let row, let column):
      {
        var detail = SampleRun.detail
        (detail.map, detail.row, detail.column) = (map, row, column)
        return .cell(detail: detail)
      }()
    case .restoreCells(_, let cells, _):
      .restored(
        report: RestoreReport(
          cells: cells, klBefore: 0.0213, klAfter: 0.0183, extraBytes: 1_700_000 * cells.count))
    case .sensitivity: .sensitivity(map: Self.sensitivity)
    case .surveyCalibration(let recipe, _):
      {
        var survey = SampleRun.survey
        survey.recipe = recipe
        return .surveyed(survey: survey)
      }()
    case .allocate: .allocated(report: SampleRun.allocation)
    case .surveyOutliers(let recipe, _, _):
      .outliers(survey: SampleOutliers.survey(recipe, planted: state.facts.model?.planted))
    case .plantOutliers(let planting): .planted(report: SampleOutliers.planted(planting))
    case .rotateResidual(let rotation): .rotated(report: SampleOutliers.rotated(rotation))
    case .outlierLab(let options): .outlierLab(report: SampleOutliers.lab(options))
    case .compareCaches(let options): .caches(report: SampleCaches.report(options))
    case .timeCaches(let options):
      .cacheSpeed(
        report: CacheSpeedReport(
          model: "sample", weights: "FP", threads: 2, steps: options.steps,
          repetitions: options.repetitions, rows: []))
    case .timeBatches(let options): .batched(report: SampleBatches.report(options))
    case .evaluate: .evaluated(report: SampleRun.evaluation)
    case .continuePrompt: .continued(report: SampleRun.continuation)
    case .recall: .recalled(report: SampleRun.recall)
    case .bench: .benched(report: SampleRun.bench)
    case .compareProviders(let options): .providers(report: SampleProviders.report(options))
    case .checkKernels(let options): .kernelsChecked(report: SampleProviders.kernels(options))
    case .export(let path, _): .exported(path: path, bytes: 21_300_000)
    case .saveRun:
      .saved(
        run: RunRecord(
          id: "2026-11-23-1", model: SampleRun.summary.name,
          recipe: state.facts.quantized?.recipe ?? SampleRun.recipe,
          quantize: state.facts.quantized,
          evaluation: state.facts.evaluation, bench: state.facts.bench, verdict: state.facts.verdict
        ))
    }
  }

  static var sensitivity: ErrorMap {
    var map = SampleRun.quantized.maps[0]
    map.metrics = [.aloneKL]
    for row in map.cells.indices {
      for column in map.cells[row].indices {
        map.cells[row][column] = ErrorMap.Cell(values: [.aloneKL: SampleRun.error(row, column) / 4])
      }
    }
    return map
  }

  /// The whole walk: model, target, method, quantize, quality, speed, save.
  static func walk(width: Int = 100, height: Int = 30) -> Play {
    var play = Play(width: width, height: height)
    play.send(.launch(model: nil))
    play.press("2", "3", "down", "enter")  // GPTQ into the recipe
    play.send(.tick(milliseconds: 9000))
    play.press("enter")  // quantize
    play.press("6", "enter", "7", "enter", "8", "enter")
    return play
  }

  /// The screen as text.
  func screen(width: Int? = nil, height: Int? = nil) -> String {
    let size = Size(width: width ?? state.size.width, height: height ?? state.size.height)
    return WorkbenchView.text(state, size: size)
  }
}
