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
      "a", name: "measure", help: "Measure perplexity and KL, continue the prompt, try recall.",
      isHint: true, unless: \.lacksQuantized
    ) { state in measure(&state) },
    Binding(
      "t", name: "tasks", help: "Ask the items of the task, of both models.",
      unless: \.lacksQuantized
    ) { state in state.start(TasksJob(path: state.choices[QualityScreen.self].tasks)) },
    Binding(
      "f", name: "all figures", help: "Show all figures of quality, or the most telling ones.",
      unless: { $0.facts.evaluation == nil ? "Quality is not measured yet: a measures it" : nil }
    ) { state in
      state[QualityScreen.self].showsAll.toggle()
      return []
    },
    Binding(
      "c", name: "continue prompt", help: "Continue the prompt with FP and quantized model.",
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
    // Tasks stand next to recall where there is room for both; on small screens what was asked last is told in their place.
    let asked = leftRows[1].rows(
      state.facts.tasks == nil
        ? [.fill()] : rect.height >= 30 ? [.fill(), .fixed(8)] : [.fixed(0), .fill()])
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

  package static func settings(_ state: State) -> [Setting] {
    let options = state.choices[QualityScreen.self].evaluation
    return [
      protocolSetting(options),
      .number(
        "window", options.window ?? 0, unit: "tokens", zero: "the protocol's",
        help: "Tokens of a window; 0 takes the protocol's own, cut to the model's context.",
        ladder: [0] + Setting.powers(from: 6, through: 15), in: 0...(1 << 24)
      ) { state, value in
        state.choices[QualityScreen.self].evaluation.window = value == 0 ? nil : value
        return []
      },
      .number(
        "windows", options.windows ?? 0, unit: "at most", zero: "all",
        help: "Windows scored at most; 0 scores the whole text. More make the error bars smaller.",
        ladder: [0] + Setting.powers(through: 12), in: 0...1_000_000
      ) { state, value in
        state.choices[QualityScreen.self].evaluation.windows = value == 0 ? nil : value
        return []
      },
      Setting(
        "baseline", .choice(StyledText(options.baseline.rawValue.uppercased())),
        help: "BF16 is the checkpoint as people run it; F32 runs everything in float32.",
        step: { state, _ in
          state.choices[QualityScreen.self].evaluation.baseline =
            options.baseline == .bf16 ? .f32 : .bf16
          return []
        }),
      Setting(
        "prompt", .text(state.choices[QualityScreen.self].prompt, caret: nil),
        help: "Both models continue this prompt, most likely token first.",
        editable: state.choices[QualityScreen.self].prompt,
        take: { state, text in
          guard !text.isEmpty else { return .refused(expected: "a prompt") }
          state.choices[QualityScreen.self].prompt = text
          return .taken([])
        }),
      .number(
        "recall", state.choices[QualityScreen.self].recallDocuments, unit: "documents",
        help: "Long documents with facts at known depths; questions at the end ask for them.",
        ladder: Setting.powers(through: 8), in: 1...10_000
      ) { state, value in
        state.choices[QualityScreen.self].recallDocuments = value
        return []
      },
      Setting(
        "tasks", .text(state.choices[QualityScreen.self].tasks ?? "built-in", caret: nil),
        help:
          "JSON lines with choices or expected answers, or logged lm-eval samples; t asks them.",
        editable: state.choices[QualityScreen.self].tasks ?? "built-in",
        take: { state, text in
          let isOwn = text.isEmpty || text == "built-in"
          state.choices[QualityScreen.self].tasks = isOwn ? nil : text
          return .taken([])
        }),
      Setting(
        "prefill", .choice(StyledText((options.prefill ?? .passes).rawValue)),
        help:
          "What fills a quantized cache before the scored half: passes that read it as they go, or full precision and one "
          + "token a step after it, as in KIVI's paper.",
        step: { state, _ in
          state.choices[QualityScreen.self].evaluation.prefill =
            options.prefill == .full ? nil : .full
          return []
        }),
    ]
  }

  private static func protocolSetting(_ options: EvaluationOptions) -> Setting {
    let help =
      switch options.protocol {
      case .llamaCpp:
        "llama.cpp: windows of 512, the second half of each is scored, as llama-perplexity does."
      case .paper:
        "paper: windows of 2048, every position is scored, as the GPTQ and AWQ papers do."
      }
    return Setting(
      "protocol", .choice(StyledText(options.protocol.rawValue)), help: help,
      step: { state, _ in
        let all = EvaluationProtocol.allCases
        let index = all.firstIndex(of: options.protocol) ?? 0
        state.choices[QualityScreen.self].evaluation.protocol = all[(index + 1) % all.count]
        return []
      })
  }
}
