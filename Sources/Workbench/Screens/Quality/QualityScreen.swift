package import Engine
import Evaluation
import Models
package import TerminalUI

/// Check 2, whether quality holds against the FP baseline, beyond what noise explains.
package enum QualityScreen: Screen {
  package static let id = Place.quality
  package static let title = "Quality"
  package static let question =
    "Does quality hold against the baseline, by more than noise can explain?"

  /// Where the cursor is.
  package struct View: Remembered {
    package var selected = 0
    /// Whether all figures stand in place of the most telling ones.
    package var showsAll = false

    package init() {}
  }

  /// How quality is measured.
  package struct Choice: Remembered {
    package var evaluation = EvaluationOptions(windows: 24)
    package var prompt = "The "
    package var continuationTokens = 64
    package var recallDocuments = 8
    /// A file of tasks; nil for those of the built-in model's world.
    package var tasks: String?

    package init() {}
  }

  package static let shortcut = Shortcut("6")
  package static let isInWalk = true

  package static func isDone(_ state: State) -> Bool { state.facts.evaluation != nil }

  package static let bindings: [Binding] = [
    Binding(
      "e", "space", name: "type a value", help: "Type the value of the chosen field.",
      unless: { cannotType($0[QualityScreen.self].selected, $0) }
    ) { state in typeValue(state[QualityScreen.self].selected, &state) },
    Binding(
      "m", name: "measure", help: "Measure perplexity and KL, continue the prompt, try recall.",
      isHint: true, unless: \.lacksQuantized
    ) { state in measure(&state) },
    Binding(
      "i", name: "tasks", help: "Ask the items of the task, of both models.",
      unless: \.lacksQuantized
    ) { state in state.start(TasksJob(path: state.choices[QualityScreen.self].tasks)) },
    Binding(
      "v", name: "all figures", help: "Show all figures of quality, or the most telling ones.",
      unless: { $0.facts.evaluation == nil ? "Quality is not measured yet: m measures it" : nil }
    ) { state in
      state[QualityScreen.self].showsAll.toggle()
      return []
    },
    Binding(
      "a", name: "continue prompt", help: "Continue the prompt with FP and quantized model.",
      isHint: true, unless: \.lacksQuantized
    ) { state in state.start(continuation(state)) },
    Binding(
      "d", name: "recall", help: "Try recall at depth through the cache.", isHint: true,
      unless: \.lacksQuantized
    ) { state in
      state.start(RecallJob(documents: state.choices[QualityScreen.self].recallDocuments))
    },
  ]

  private static func continuation(_ state: State) -> ContinueJob {
    ContinueJob(
      prompt: state.choices[QualityScreen.self].prompt,
      tokens: state.choices[QualityScreen.self].continuationTokens)
  }

  /// Everything about quality, one after the other.
  private static func measure(_ state: inout State) -> [Effect] {
    return state.start(EvaluateJob(options: state.choices[QualityScreen.self].evaluation))
      + state.start(continuation(state))
      + state.start(RecallJob(documents: state.choices[QualityScreen.self].recallDocuments))
  }

  package static func step(_ state: State) -> Step? {
    guard state.facts.quantized != nil || state.facts.holdsCandidate else {
      return .go("quantize first", to: Place.calibrate)
    }
    if state.facts.evaluation != nil { return .go("measure speed", to: Place.profile) }
    let job = state.jobs.latest(EvaluateJob.self)
    guard job?.status.isOver ?? true else { return nil }
    return Step("measure quality") { state in measure(&state) }
  }

  package static func move(_ motion: Motion, _ state: inout State) -> [Effect] {
    moveForm(motion, \.selected, &state)
  }

  package static func draw(
    _ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    let left = rect.width >= 150 ? 52 : rect.width >= 96 ? 36 : rect.width * 2 / 5
    let columns = rect.columns([.fixed(left), .fill()])
    let form = min(max(9, rect.height / 2), 14)
    let leftRows = columns[0].rows([.fixed(form), .fill()])
    let room = buffer.box("how it is measured", in: leftRows[0], look: look, isFocused: true)
    buffer.draw(
      SettingsForm(settings: settings(state), selected: state[QualityScreen.self].selected),
      in: room,
      look: look)
    // Tasks stand next to recall where there is room for both; on small screens they take its place.
    let both: [Length] =
      leftRows[1].height >= 13 ? [.fill(), .fixed(6)] : [.fixed(0), .fill()]
    let asked = leftRows[1].rows(state.facts.tasks == nil ? [.fill()] : both)
    buffer.draw(
      RecallPanel(report: state.facts.recall, baseline: state.facts.baseline), in: asked[0],
      look: look)
    if let tasks = state.facts.tasks {
      buffer.draw(TasksPanel(report: tasks), in: asked[1], look: look)
    }
    guard let report = state.facts.evaluation else {
      drawEmpty(state, in: columns[1], of: &buffer, look: look)
      return
    }
    if state[QualityScreen.self].showsAll {
      return FiguresPanel(report: report).draw(in: columns[1], of: &buffer, look: look)
    }
    let isTall = rect.height >= 24
    let more = report.figures == nil ? 0 : 1
    let rows = columns[1].rows([
      .fixed(isTall ? 11 + more : 9), .fixed(isTall ? 6 + 2 * more : 5 + more), .fill(),
    ])
    buffer.draw(DivergencePanel(report: report), in: rows[0], look: look)
    buffer.draw(PerplexityPanel(report: report), in: rows[1], look: look)
    buffer.draw(
      ContinuationPanel(report: state.facts.continuation, baseline: state.facts.baseline),
      in: rows[2], look: look)
  }

  private static func drawEmpty(
    _ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    let isMeasuring = state.jobs.active?.isOf(EvaluateJob.self)
    let lines: [StyledText] =
      isMeasuring == true
      ? ["The same windows run through \(state.facts.baseline.phrase) and the quantized model."]
      : [
        "Perplexity and KL divergence against \(state.facts.baseline.phrase), top-1 agreement, a prompt continued "
          + "by both, and recall through the quantized cache; each with its error bar.", "",
        state.lacksQuantized != nil
          ? .press("Enter", "goes to Calibrate: nothing is quantized yet")
          : .press("Enter", "measures all of it"),
      ]
    buffer.draw(
      EmptyState(isMeasuring == true ? "Measuring" : "Not measured yet", lines), in: rect,
      look: look)
  }
}
