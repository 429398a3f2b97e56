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
    switch request.job {
    case is QuantizeJob:
      for (index, layer) in SampleRun.layers.enumerated() {
        job(.part(id: id, QuantizeJob.self, layer))
        if index % 7 == 6 { job(.progressed(id: id, progress: Self.progress(index + 1))) }
        if index == 22 {
          job(.log(id: id, text: "block 3, k: Cholesky failed, damping 0.01 to 0.1"))
        }
      }
    case is CalibrationSurveyJob:
      for count in 1...SampleRun.survey.points.count {
        var survey = SampleRun.survey
        survey.points = Array(survey.points.prefix(count))
        job(.part(id: id, CalibrationSurveyJob.self, survey))
      }
    default: break
    }
    if let report = Self.report(request.job, state) { job(.finished(id: id, report: report)) }
  }

  /// Starts a job as a screen would, tells parts of it and finishes it.
  mutating func finish<Kind: Job>(_ job: Kind, _ report: Kind.Report, parts: [Kind.Part] = []) {
    var state = store.state
    _ = state.start(job)
    let id = state.jobs.jobs.last?.id ?? JobID(number: -1)
    store = Store(state: state)
    for part in parts { self.job(.part(id: id, Kind.self, part)) }
    self.job(.finished(id: id, Kind.self, report))
  }

  /// The jobs of a kind that the engine was asked for.
  func started<Kind: Job>(_ kind: Kind.Type) -> [(id: JobID, job: Kind)] {
    effects.compactMap { effect in
      guard case .run(let id, let request) = effect else { return nil }
      return request.as(kind).map { (id, $0) }
    }
  }

  static func progress(_ done: Int) -> JobProgress {
    JobProgress(
      phase: "quantizing block \(done / 7) of \(SampleRun.blocks)", done: done, total: 56,
      unit: "layers",
      secondsElapsed: Double(done) * 0.85, secondsLeft: Double(56 - done) * 0.85,
      rate: 1180 + Double(done * 13 % 40), rateUnit: "tokens/s",
      peakResidentBytes: 380_000_000 + done * 400_000)
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
    play.press("2", "3", "enter")  // GPTQ into the recipe
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
