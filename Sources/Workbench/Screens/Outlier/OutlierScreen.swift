import Engine
import Models
import Quantization
package import TerminalUI
import Wording

/// Where activations stand out, what a threshold or smoothing does about it, and what planted outliers do to each method.
package enum OutlierScreen: Screen {
  package static let id = "outliers"
  package static let title = "Outliers"
  package static let question =
    "Which input channels stand out, and which method can live with that?"

  /// Where the cursors are.
  package struct View: Remembered {
    /// The row of the map.
    package var row = 0
    /// The side of the lab's table whose words are shown.
    package var side = 0
    /// The rung of the ladder the threshold stands on; nil for 6.0.
    package var rung: Int?
    /// The map shows what is left after smoothing.
    package var showsSmoothed = false
    /// Colours begin at the threshold.
    package var colorsFromThreshold = false
    /// The table of methods is shown instead of the map.
    package var showsLab = false
    /// What is planted next; 1 takes outliers out.
    package var factor = 32
    package var channels = 8

    package init() {}
  }

  package static let shortcut = Shortcut(
    "O", name: "outliers",
    help: "See which channels of the activations stand out, and what each method makes of it.")

  package static let bindings: [Binding] = [
    Binding(
      "i", name: "survey", help: "Survey the inputs of all layers, as the recipe leaves them.",
      isHint: true, unless: \.cannotMeasure
    ) { state in survey(&state) },
    Binding(
      "v", name: "other view",
      help: "Show the map of channels, or what outliers do to each method.",
      isHint: true
    ) { state in
      state[OutlierScreen.self].showsLab.toggle()
      return []
    },
    Binding(
      "*", name: "factor", help: "Choose the factor of the outliers to plant; 1 takes them out."
    ) { state in
      // Taking out is offered where something is planted.
      let first = state.facts.planting?.planting == nil ? 8 : 1
      let factor = state[OutlierScreen.self].factor
      state[OutlierScreen.self].factor = factor >= 128 ? first : factor == 1 ? 8 : factor * 4
      return []
    },
    Binding(
      "#", name: "how many", help: "Choose how many channels of each norm are planted."
    ) { state in
      let channels = state[OutlierScreen.self].channels
      state[OutlierScreen.self].channels = channels >= 32 ? 1 : channels * 2
      return []
    },
    Binding(
      "!", name: "plant",
      help:
        "Plant outliers in the open model, which changes nothing it computes in full precision.",
      isHint: true, unless: \.cannotMeasure
    ) { state in plant(&state) },
    Binding(
      "m", name: "run the lab", help: "Measure every method on models with more and more outliers.",
      isHint: true,
      unless: {
        $0.cannotMeasure ?? ($0[OutlierScreen.self].showsLab ? nil : "Only in the lab: v shows it")
      }
    ) { state in runLab(&state) },
    Binding(
      "b", name: "before or after",
      help: "Show the channels as they are, or after the smoothing of the recipe.",
      unless: { hasSmoothed($0) ? nil : unsurveyed($0) ?? "The recipe smooths no input" }
    ) { state in
      state[OutlierScreen.self].showsSmoothed.toggle()
      return []
    },
    Binding(
      "c", name: "colours", help: "Let colours begin at the threshold, or at the smallest channel.",
      unless: { inLab($0) }
    ) { state in
      state[OutlierScreen.self].colorsFromThreshold.toggle()
      return []
    },
    Binding(
      "u", name: "use threshold", help: "Take LLM.int8() with this threshold into the recipe.",
      isHint: true, unless: { unsurveyed($0) ?? inLab($0) }
    ) { state in use(&state) },
  ]

  /// The newest job of this screen.
  static func job(_ state: State) -> TrackedJob? {
    state.jobs.latest(of: [OutliersJob.self, PlantingJob.self, OutlierLabJob.self])
  }

  private static func unsurveyed(_ state: State) -> String? {
    state.facts.outliers == nil ? "Nothing is surveyed yet: i surveys the inputs" : nil
  }

  private static func inLab(_ state: State) -> String? {
    state[OutlierScreen.self].showsLab ? "Only on the map of channels: v shows it" : nil
  }

  static func hasSmoothed(_ state: State) -> Bool {
    state.facts.outliers?.inputs.contains { $0.smoothed != nil } ?? false
  }

  private static func survey(_ state: inout State) -> [Effect] {
    state[OutlierScreen.self].showsLab = false
    return state.start(
      OutliersJob(
        recipe: state.choices.recipe, calibration: state.choices.calibration, thresholds: []))
  }

  private static func plant(_ state: inout State) -> [Effect] {
    let view = state[OutlierScreen.self]
    return state.startAnew(
      PlantingJob(
        planting: view.factor > 1
          ? OutlierPlanting(channels: view.channels, factor: view.factor) : nil))
  }

  private static func runLab(_ state: inout State) -> [Effect] {
    state[OutlierScreen.self].showsLab = true
    return state.start(
      OutlierLabJob(
        options: OutlierLabOptions(
          channels: state[OutlierScreen.self].channels, windows: 8, isQuick: true,
          calibration: state.choices.calibration)))
  }

  // MARK: The threshold

  /// The place of the threshold on the ladder.
  static func rung(_ state: State) -> Int {
    guard let ladder = state.facts.outliers?.ladder, !ladder.isEmpty else { return 0 }
    let six = ladder.firstIndex { $0.threshold >= OutlierSurvey.six } ?? 0
    return (state[OutlierScreen.self].rung ?? six).clamped(0, ladder.count - 1)
  }

  /// The threshold LLM.int8() would have.
  static func threshold(_ state: State) -> OutlierSurvey.Rung? {
    guard let ladder = state.facts.outliers?.ladder, !ladder.isEmpty else { return nil }
    return ladder[rung(state)]
  }

  private static func use(_ state: inout State) -> [Effect] {
    guard let threshold = threshold(state)?.threshold else { return [] }
    state.choices.recipe.activations = MethodChoice(
      method: "llm.int8", options: ["threshold": .decimal(threshold)])
    state.say(.done, "The recipe has LLM.int8() from \(Quantity.significant(threshold)) now")
    return state.reassess()
  }

  // MARK: The walk

  package static func step(_ state: State) -> Step? {
    guard state.facts.model != nil else { return .openModel }
    guard state.jobs.active == nil else { return nil }
    if state[OutlierScreen.self].showsLab {
      guard state.facts.outlierLab != nil else {
        return Step("run the lab") { state in runLab(&state) }
      }
      return MethodScreen.step("choose a method", for: .activations)
    }
    guard state.facts.outliers != nil else {
      return Step("survey the activations") { state in survey(&state) }
    }
    return Step("compare methods") { state in
      state[OutlierScreen.self].showsLab = true
      return []
    }
  }

  package static func move(_ motion: Motion, _ state: inout State) -> [Effect] {
    if state[OutlierScreen.self].showsLab {
      let sides = state.facts.outlierLab?.sides.count ?? 0
      let step = motion.horizontal != 0 ? motion.horizontal : motion == .down ? 1 : -1
      state[OutlierScreen.self].side = (state[OutlierScreen.self].side + step).clamped(
        0, max(0, sides - 1))
      return []
    }
    if motion.horizontal != 0, let ladder = state.facts.outliers?.ladder, !ladder.isEmpty {
      state[OutlierScreen.self].rung = (rung(state) + motion.horizontal).clamped(
        0, ladder.count - 1)
      return []
    }
    state[OutlierScreen.self].row = motion.moved(
      state[OutlierScreen.self].row, count: state.facts.outliers?.inputs.count ?? 0, page: 4)
    return []
  }

  package static func draw(
    _ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    let isBusy = job(state).map { !$0.status.isOver } ?? false
    let view = state[OutlierScreen.self]
    let massive = state.facts.outliers?.massiveShort == nil || view.showsLab ? 0 : 1
    let rows = rect.rows([
      .fixed(isBusy ? 7 : (rect.height >= 26 ? 6 : 5) + massive), .fill(),
    ])
    if isBusy, let job = job(state) {
      JobPanel(job: job, now: state.now).draw(in: rows[0], of: &buffer, look: look)
    } else if state[OutlierScreen.self].showsLab {
      LabAnswer(isMeasured: state.facts.outlierLab != nil).draw(
        in: rows[0], of: &buffer, look: look)
    } else {
      ThresholdPanel(
        survey: state.facts.outliers, rung: threshold(state), planting: state.facts.planting,
        view: view
      ).draw(in: rows[0], of: &buffer, look: look)
    }
    if state[OutlierScreen.self].showsLab {
      guard let report = state.facts.outlierLab, !report.sides.isEmpty else {
        return drawEmpty(state, in: rows[1], of: &buffer, look: look)
      }
      LabPanel(report: report, chosen: view.side).draw(in: rows[1], of: &buffer, look: look)
      return
    }
    guard let survey = state.facts.outliers, !survey.inputs.isEmpty else {
      return drawEmpty(state, in: rows[1], of: &buffer, look: look)
    }
    let columns = rows[1].columns([.fill(), .fixed(rect.width >= 96 ? 46 : 37)])
    let limit = threshold(state)?.threshold
    ChannelMap(
      survey: survey, view: view, threshold: limit, hasSmoothed: hasSmoothed(state)
    ).draw(in: columns[0], of: &buffer, look: look)
    ChannelDetail(
      survey: survey, row: view.row, showsSmoothed: view.showsSmoothed, threshold: limit
    ).draw(in: columns[1], of: &buffer, look: look)
  }

  private static func drawEmpty(
    _ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    let next = step(state).map { StyledText.press("Enter", $0.label) } ?? ""
    let lines: [StyledText] =
      state[OutlierScreen.self].showsLab
      ? [
        "The same model with outliers planted: some channels are made 8, 32 and 128 times as large "
          + "and the weights that read them as much smaller, so that in full precision nothing changes.",
        "Then every method is measured: INT8 activations, LLM.int8(), SmoothQuant, FP8, and 4-bit "
          + "weights next to them.", "", next,
      ]
      : [
        "Some input channels of a model reach much farther than the others. With one scale for all, "
          + "8 bits are spent on them and the others are left with a few steps.",
        "Here you see which, from what threshold LLM.int8() would take them apart, and what "
          + "SmoothQuant leaves of them.", "", next,
        .press("!", "    plants outliers first; ")
          + .press("v", "shows what they do to each method"),
      ]
    buffer.draw(
      EmptyState(
        state[OutlierScreen.self].showsLab ? "Nothing is measured yet" : "No survey yet", lines),
      in: rect, look: look)
  }
}
