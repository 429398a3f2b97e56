import Engine
import Quantization
package import TerminalUI

/// Quantizing, live: progress by block, time left, throughput, memory, the errors of layers as they come, the log.
package enum CalibrateScreen: Screen {
  package static let id = "calibrate"
  package static let title = "Calibrate"
  package static let question =
    "How far is quantizing, what does it take, and how large are the errors layer by layer?"

  /// Where the cursor is.
  package struct View: Hashable, Sendable {
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

  package static let bindings: [Binding] = [
    Binding(
      "s", name: "worst first", help: "Sort layers by error, or newest first.", isHint: true,
      when: { !$0.calibrate.showsSurvey }
    ) { state in
      state.calibrate.sortsByError.toggle()
      state.calibrate.layer = 0
      return []
    },
    Binding(
      "c", name: "check text",
      help:
        "Check the calibration text: errors with more and more of it, and what halves agree on.",
      isHint: true
    ) { state in survey(&state) },
    Binding(
      "v", name: "other view", help: "Show quantizing, or the survey of the calibration text.",
      isHint: true, when: { hasSurvey($0) }
    ) { state in
      state.calibrate.showsSurvey.toggle()
      return []
    },
    Binding(
      "x", name: "cancel",
      help: "Cancel, after a question. What is done so far is kept for a resume.",
      isHint: true, when: { $0.jobs.active != nil }
    ) { state in
      guard let active = state.jobs.active else { return [] }
      state.overlay = .confirm(Confirmation(.cancel(id: active.id), title: active.title))
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

  /// Surveys the calibration text, for a recipe that looks at it.
  private static func survey(_ state: inout State) -> [Effect] {
    guard state.facts.model != nil else {
      state.say(.information, "Open a model first")
      return []
    }
    let recipe = state.choices.recipe
    guard (try? recipe.calibrates()) == true else {
      state.say(
        .information,
        "\(recipe) looks at no calibration text; choose a method that does on the Method screen (3)"
      )
      return []
    }
    state.calibrate.showsSurvey = true
    return state.start(
      CalibrationSurveyJob(recipe: recipe, calibration: state.choices.calibration))
  }

  package static func step(_ state: State) -> Step? {
    if let job = job(state), !job.status.isOver {
      return job.status == .paused ? Step("go on") { state in state.togglePause() } : nil
    }
    if state.facts.job(QuantizeJob.self)?.recipe == state.choices.recipe {
      return .go("see the errors", to: HeatmapScreen.id)
    }
    guard !state.choices.recipe.isBaseline else {
      return .go("choose a method first", to: MethodScreen.id)
    }
    return Step("quantize") { state in
      state.start(
        QuantizeJob(
          recipe: state.choices.recipe, calibration: state.choices.calibration,
          keeping: .automatic))
    }
  }

  package static func focus(_ direction: Int, _ state: inout State) {
    state.calibrate.pane = state.calibrate.pane == .layers ? .log : .layers
  }

  package static func move(_ motion: Motion, _ state: inout State) -> [Effect] {
    switch state.calibrate.pane {
    case .layers:
      state.calibrate.layer = motion.moved(
        state.calibrate.layer, count: state.facts.layers.count)
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
      state.calibrate.logBack = reversed.moved(state.calibrate.logBack, count: count)
    }
    return []
  }

  package static func draw(
    _ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    if state.calibrate.showsSurvey, hasSurvey(state) {
      SurveyPanel(state: state, job: surveyJob(state)).draw(in: rect, of: &buffer, look: look)
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
    MeterPanel(state: state, job: job).draw(in: upper[1], of: &buffer, look: look)
    let lower = rows[1].columns([.fixed(rows[1].width >= 110 ? 40 : 30), .fill()])
    BlockGrid(state: state, job: job).draw(in: lower[0], of: &buffer, look: look)
    let log = min(max(4, rows[1].height / 3), 12)
    let right = lower[1].rows([.fill(), .fixed(log)])
    LayerTable(state: state).draw(in: right[0], of: &buffer, look: look)
    LogPanel(state: state, job: job).draw(in: right[1], of: &buffer, look: look)
  }

  /// That the run went on from blocks an earlier one had done, where it did.
  private static func resumed(_ state: State, _ job: TrackedJob) -> String? {
    if job.status == .finished {
      return state.facts.quantized?.resumedBlocks.map {
        "went on behind block \($0), which an earlier run had kept"
      }
    }
    return job.log.last { $0.hasPrefix("Goes on behind block") }
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
        .press("Enter", "starts it") + .hint("; p pauses, x cancels, and it can go on later"),
        .press("c", "    checks first whether the text is long enough"),
        .press("B", "    spends a budget of bits, layer by layer"),
      ]
    buffer.draw(EmptyState("Nothing runs", lines), in: rect, look: look)
  }
}
