package import Engine
import Models
import Operators
import Quantization
package import TerminalUI

/// Quantizing, live: progress by block, time left, throughput, memory, the errors of layers as they come, the log.
package enum CalibrateScreen: Screen {
  package static let id = Place.calibrate
  package static let title = "Calibrate"
  package static let question =
    "How far is quantizing, what does it take, and how large are the errors layer by layer?"

  /// Where the cursor is.
  package struct View: Remembered {
    package enum Pane: Int, Hashable, Sendable, CaseIterable {
      case layers, log
    }

    package var pane = Pane.layers
    /// Counted from the newest layer, so that the table follows while it is 0.
    package var layer = 0
    package var logBack = 0
    /// Worst layers first instead of newest first.
    package var sortsByError = false
    /// The survey of the calibration text is shown instead of quantizing.
    package var showsSurvey = false

    package init() {}
  }

  package static let shortcut = Shortcut("4")
  package static let isInWalk = true

  package static func isDone(_ state: State) -> Bool {
    state.facts.holdsCandidate || state.facts.quantized != nil
  }

  package static let bindings: [Binding] = [
    Binding(
      ">", name: "worst first", help: "Sort layers by error, or newest first.", isHint: true,
      unless: {
        $0[CalibrateScreen.self].showsSurvey ? "The survey has no layers: v shows quantizing" : nil
      }
    ) { state in
      state[CalibrateScreen.self].sortsByError.toggle()
      state[CalibrateScreen.self].layer = 0
      return []
    },
    Binding(
      "m", name: "check text",
      help:
        "Check the calibration text: errors with more and more of it, and what halves agree on.",
      isHint: true, unless: { cannotSurvey($0) }
    ) { state in survey(&state) },
    Binding(
      "v", name: "other view", help: "Show quantizing, or the survey of the calibration text.",
      isHint: true, unless: { hasSurvey($0) ? nil : "The text is not surveyed yet: m checks it" }
    ) { state in
      state[CalibrateScreen.self].showsSurvey.toggle()
      return []
    },
  ]

  /// The newest quantize job.
  static func job(_ state: State) -> TrackedJob? {
    state.jobs.latest(QuantizeJob.self)
  }

  /// The newest survey of the calibration text.
  static func surveyJob(_ state: State) -> TrackedJob? {
    state.jobs.latest(CalibrationSurveyJob.self)
  }

  private static func hasSurvey(_ state: State) -> Bool {
    state.facts.survey != nil || surveyJob(state) != nil
  }

  /// Why the calibration text cannot be surveyed: there is no recipe that looks at it.
  private static func cannotSurvey(_ state: State) -> String? {
    if let reason = state.lacksModel { return reason }
    let recipe = state.choices.recipe
    return (try? recipe.calibrates()) == true
      ? nil
      : "\(recipe) looks at no calibration text; choose a method that does on the Method screen (3)"
  }

  private static func survey(_ state: inout State) -> [Effect] {
    state[CalibrateScreen.self].showsSurvey = true
    return state.start(
      CalibrationSurveyJob(
        recipe: state.choices.recipe, calibration: state.choices.calibration))
  }

  /// A run that begins shows itself.
  package static func heard(_ event: JobEvent, of job: TrackedJob, _ state: inout State) {
    if case .started = event, job.isOf(QuantizeJob.self) {
      state[CalibrateScreen.self].showsSurvey = false
    }
  }

  package static func step(_ state: State) -> Step? {
    if let job = job(state), !job.status.isOver {
      return job.status == .paused ? Step("go on") { state in state.togglePause() } : nil
    }
    if state.facts.job(QuantizeJob.self)?.recipe == state.choices.recipe {
      return .go("see the errors", to: Place.heatmap)
    }
    guard !state.choices.recipe.isBaseline else {
      return MethodScreen.step("choose a method first")
    }
    return Step("quantize") { state in
      state.start(
        QuantizeJob(
          recipe: state.choices.recipe, calibration: state.choices.calibration,
          keeping: .automatic))
    }
  }

  package static func focus(_ direction: Int, _ state: inout State) {
    state[CalibrateScreen.self].pane = state[CalibrateScreen.self].pane == .layers ? .log : .layers
  }

  package static func move(_ motion: Motion, _ state: inout State) -> [Effect] {
    switch state[CalibrateScreen.self].pane {
    case .layers:
      state[CalibrateScreen.self].layer = motion.moved(
        state[CalibrateScreen.self].layer, count: state.facts.layers.count)
    case .log:
      // The log is read from its end: up means further back.
      let count = job(state)?.log.count ?? 0
      let reversed: Motion =
        switch motion {
        case .up: .down
        case .down: .up
        case .pageUp: .pageDown
        case .pageDown: .pageUp
        case .first: .last
        case .last: .first
        case .left, .right: motion
        }
      state[CalibrateScreen.self].logBack = reversed.moved(
        state[CalibrateScreen.self].logBack, count: count)
    }
    return []
  }

  package static func draw(
    _ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    if state[CalibrateScreen.self].showsSurvey, hasSurvey(state) {
      SurveyPanel(survey: state.facts.survey, job: surveyJob(state), now: state.now).draw(
        in: rect, of: &buffer, look: look)
      return
    }
    guard let job = job(state) else {
      drawEmpty(state, in: rect, of: &buffer, look: look)
      return
    }
    let rows = rect.rows([.fixed(7), .fill()])
    let upper = rows[0].columns([.fill(weight: 3), .fill(weight: 2)])
    JobPanel(job: job, now: state.now, remark: resumed(state, job)).draw(
      in: upper[0], of: &buffer, look: look)
    MeterPanel(
      job: job,
      priced: job.progress?.jobBytes == nil
        ? state.facts.assessment?.peakResidentBytes
        : state.facts.assessment?.jobBytes ?? state.facts.assessment?.peakResidentBytes,
      machineBytes: state.facts.peaks?.memoryBytes
    ).draw(in: upper[1], of: &buffer, look: look)
    let lower = rows[1].columns([.fixed(rows[1].width >= 110 ? 40 : 30), .fill()])
    BlockGrid(layers: state.facts.layers, blocks: state.facts.model?.shape.blocks ?? 0).draw(
      in: lower[0], of: &buffer, look: look)
    let log = min(max(4, rows[1].height / 3), 12)
    let right = lower[1].rows([.fill(), .fixed(log)])
    let view = state[CalibrateScreen.self]
    LayerTable(
      layers: state.facts.layers, sortsByError: view.sortsByError, selected: view.layer,
      isFocused: view.pane == .layers
    ).draw(in: right[0], of: &buffer, look: look)
    LogPanel(log: job.log, back: view.logBack, isFocused: view.pane == .log).draw(
      in: right[1], of: &buffer, look: look)
  }

  /// That the run went on from blocks an earlier one had done, where it did.
  private static func resumed(_ state: State, _ job: TrackedJob) -> String? {
    if job.status == .finished {
      return state.facts.quantized?.resumedBlocks.map {
        "continued after block \($0), which an earlier run had kept"
      }
    }
    return job.log.last { $0.hasPrefix("Continues after block") }
  }

  private static func drawEmpty(
    _ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    let recipe = state.choices.recipe
    let lines: [StyledText] =
      recipe.isBaseline
      ? [
        "Here you watch a model being quantized: how far it is, how long it takes, and the error "
          + "of each layer as it is done.", "",
        "The recipe is empty so far.", .press("Enter", "goes to Method, where you choose one"),
      ]
      : [
        "Recipe: " + .strong("\(recipe)"), "",
        .press("Enter", "starts it") + .hint("; p pauses, X cancels, and it can go on later"),
        .press("m", "    checks first whether the text is long enough"),
        .press("B", "    spends a budget of bits, layer by layer"),
      ]
    buffer.draw(EmptyState("Nothing runs", lines), in: rect, look: look)
  }
}
