package import Engine
import Models
import Profiling
import Quantization
package import TerminalUI

/// Forms of the model over batches: where decode stops being bound by memory, and who wins on which side.
package enum BatchScreen: Screen {
  package static let id = "batch"
  package static let title = "Batch"
  package static let question = "At which batch does another form win, and what binds it there?"

  /// Where the cursor is and what is shown.
  package struct View: Remembered {
    /// What the table and the chart show.
    package enum Figure: String, Hashable, Sendable, CaseIterable {
      case decode, sequence, limit, prefill
    }

    package var figure = Figure.decode
    /// The row of the table.
    package var form = 0
    /// The column of the table.
    package var batch = 0
    package var showsOptions = false
    package var option = 0

    package init() {}
  }

  /// What is measured next.
  package struct Choice: Remembered {
    package var options = BatchOptions()

    package init() {}
  }

  package static let shortcut = Shortcut(
    "C", name: "batches",
    help: "Find the crossover: at which batch which form decodes fastest, and what binds it.")

  package static let bindings: [Binding] = [
    Binding(
      "m", name: "measure",
      help: "Make the forms in memory and decode with each at every batch, in turns.",
      isHint: true, unless: \.cannotMeasure
    ) { state in measure(&state) },
    Binding(
      "v", name: "other figure",
      help: "Show tokens a second of all sequences, of one, the share of the limit, or prefill.",
      isHint: true, unless: { untimed($0) }
    ) { state in
      let figures = figures(state)
      let next = (figures.firstIndex(of: state[BatchScreen.self].figure) ?? 0) + 1
      state[BatchScreen.self].figure = figures[next % figures.count]
      return []
    },
    Binding(
      "u", name: "use form", help: "Take the chosen form into the recipe.", isHint: true,
      unless: { $0.lacksModel ?? untimed($0) }
    ) { state in use(&state) },
    Binding(
      "e", "space", name: "type a value",
      help: "Type the value of the chosen option; Tab goes to the options.",
      unless: { state in
        showsOptions(state)
          ? cannotType(state[BatchScreen.self].option, state) : "Tab goes to the options first"
      }
    ) { state in typeValue(state[BatchScreen.self].option, &state) },
  ]

  /// The newest job of this screen.
  static func job(_ state: State) -> TrackedJob? {
    state.jobs.latest(BatchJob.self)
  }

  /// Why there are no figures to look at.
  private static func untimed(_ state: State) -> String? {
    chosen(state) == nil ? "Nothing is timed yet: m times the forms" : nil
  }

  /// Before anything is measured the options are all there is.
  private static func showsOptions(_ state: State) -> Bool {
    state[BatchScreen.self].showsOptions || state.facts.batches?.points.isEmpty ?? true
  }

  /// Prefill only where it was measured.
  private static func figures(_ state: State) -> [View.Figure] {
    View.Figure.allCases.filter { $0 != .prefill || state.facts.batches?.prompt ?? 0 > 0 }
  }

  /// The form under the cursor.
  static func form(_ state: State) -> BatchReport.Form? {
    guard let forms = state.facts.batches?.forms, !forms.isEmpty else { return nil }
    return forms[state[BatchScreen.self].form.clamped(0, forms.count - 1)]
  }

  /// The point under the cursor.
  static func chosen(_ state: State) -> BatchReport.Point? {
    guard let report = state.facts.batches, let form = form(state) else { return nil }
    let batches = report.measured
    guard !batches.isEmpty else { return nil }
    return report.point(
      form.name, batch: batches[state[BatchScreen.self].batch.clamped(0, batches.count - 1)])
  }

  private static func measure(_ state: inout State) -> [Effect] {
    state[BatchScreen.self].showsOptions = false
    return state.start(BatchJob(options: state.choices[BatchScreen.self].options))
  }

  private static func use(_ state: inout State) -> [Effect] {
    guard let name = form(state)?.name, let shape = state.facts.model?.shape,
      let form = BatchForm.allCases.first(where: { $0.label == name })
    else { return [] }
    let recipe = form.recipe(shape)
    state.choices.recipe.weights = recipe.weights
    state.choices.recipe.activations = recipe.activations
    state.say(.done, "The recipe computes in \(name) now")
    return state.reassess()
  }

  package static func step(_ state: State) -> Step? {
    guard state.facts.model != nil else { return .openModel }
    guard state.jobs.active == nil else { return nil }
    let isAnswered =
      state.facts.job(BatchJob.self)?.options == state.choices[BatchScreen.self].options
    guard isAnswered else { return Step("time batches") { state in measure(&state) } }
    return MethodScreen.step("choose a method")
  }

  package static func focus(_ direction: Int, _ state: inout State) {
    guard state.facts.batches?.points.isEmpty == false else { return }
    state[BatchScreen.self].showsOptions.toggle()
  }

  package static func move(_ motion: Motion, _ state: inout State) -> [Effect] {
    guard !showsOptions(state), let report = state.facts.batches else {
      return moveForm(motion, \.option, &state)
    }
    let count = report.measured.count
    if motion.horizontal != 0 {
      let here = state[BatchScreen.self].batch.clamped(0, max(0, count - 1))
      state[BatchScreen.self].batch = (here + motion.horizontal).clamped(0, max(0, count - 1))
    } else {
      state[BatchScreen.self].form = motion.moved(
        state[BatchScreen.self].form, count: report.forms.count, page: 4)
    }
    return []
  }

  package static func settings(_ state: State) -> [Setting] {
    let options = state.choices[BatchScreen.self].options
    return [
      .number(
        "batches to", options.batches.max() ?? 1,
        help: "Batches double from 1 up to this one.", ladder: Setting.powers(through: 8),
        in: 1...256
      ) { state, value in
        state.choices[BatchScreen.self].options.batches =
          Setting.powers(through: 8).filter { $0 < value } + [value]
        return []
      },
      .number(
        "depth", options.depth, unit: "tokens",
        help: "Tokens in each cache: more of them, and a step reads more cache besides weights.",
        ladder: [0] + Setting.powers(from: 5, through: 14), in: 0...1_000_000
      ) { state, value in
        state.choices[BatchScreen.self].options.depth = value
        return []
      },
      .number(
        "prompt", options.prompt, unit: "tokens", zero: "no prefill",
        help: "Tokens of each prompt; as many prompts as the batch run together.",
        ladder: [0] + Setting.powers(from: 3, through: 11), in: 0...1_000_000
      ) { state, value in
        state.choices[BatchScreen.self].options.prompt = value
        return []
      },
      .number(
        "steps", options.steps, unit: "tokens",
        help: "Tokens decoded of each sequence in a repetition.",
        ladder: Setting.powers(from: 1, through: 8), in: 1...100_000
      ) { state, value in
        state.choices[BatchScreen.self].options.steps = value
        return []
      },
      .number(
        "repetitions", options.repetitions,
        help: "Rounds of all forms, in turns; the median counts.", ladder: Array(1...20),
        in: 1...1000
      ) { state, value in
        state.choices[BatchScreen.self].options.repetitions = value
        return []
      },
      formsSetting(options.forms),
    ]
  }

  /// The usual forms, or all there are.
  private static func formsSetting(_ forms: [BatchForm]) -> Setting {
    let isAll = forms.count > BatchForm.standard.count
    return Setting(
      "forms", .choice(StyledText(isAll ? "all \(BatchForm.allCases.count)" : "the usual 4")),
      help: (isAll ? BatchForm.allCases : BatchForm.standard).map(\.label).joined(separator: ", ")
        + "; made in memory by rounding to nearest.",
      step: { state, _ in
        state.choices[BatchScreen.self].options.forms =
          isAll ? BatchForm.standard : BatchForm.allCases
        return []
      })
  }

  package static func draw(
    _ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    let job = job(state).flatMap { $0.status.isOver ? nil : $0 }
    guard let report = state.facts.batches, !report.points.isEmpty else {
      return drawEmpty(state, job, in: rect, of: &buffer, look: look)
    }
    let view = state[BatchScreen.self]
    let chosen = chosen(state)
    let form = form(state)?.name
    let rows = rect.rows([.fill(), .fixed(min(report.forms.count + 3, rect.height / 2))])
    BatchTable(
      report: report, figure: view.figure, chosen: chosen, isFocused: !view.showsOptions
    ).draw(in: rows[1], of: &buffer, look: look)
    let right = rect.width >= 140 ? 74 : rect.width >= 96 ? 42 : 34
    let upper = rows[0].columns([.fill(), .fixed(min(right, rect.width / 2))])
    BatchPicture(report: report, figure: view.figure, chosen: chosen, form: form).draw(
      in: upper[0], of: &buffer, look: look)
    let isRoomy = rows[0].height >= 18
    let side = upper[1].rows([
      .fixed(isRoomy ? 10 : 8), .fill(),
    ])
    if view.showsOptions {
      drawOptions(state, in: side[0], of: &buffer, look: look)
    } else if let job {
      JobPanel(job: job, now: state.now).draw(in: side[0], of: &buffer, look: look)
    } else {
      BatchDetail(report: report, point: chosen).draw(in: side[0], of: &buffer, look: look)
    }
    BatchCrossings(report: report, figure: view.figure, form: form).draw(
      in: side[1], of: &buffer, look: look)
  }

  private static func drawOptions(
    _ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    let room = buffer.box("how it is measured", in: rect, look: look, isFocused: true)
    buffer.draw(
      SettingsForm(settings: settings(state), selected: state[BatchScreen.self].option), in: room,
      look: look)
  }

  private static func drawEmpty(
    _ state: State, _ job: TrackedJob?, in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    if let job {
      let (top, rest) = rect.splitTop(min(7, rect.height))
      JobPanel(job: job, now: state.now).draw(in: top, of: &buffer, look: look)
      buffer.draw(
        EmptyState(
          "Timing", ["The chart grows with every batch; forms take turns at each of them."]),
        in: rest, look: look)
      return
    }
    let columns = rect.columns([.fixed(rect.width * 2 / 5), .fill()])
    let box = columns[0].splitTop(min(12, rect.height)).top
    drawOptions(state, in: box, of: &buffer, look: look)
    let next = step(state).map { StyledText.press("Enter", $0.label) } ?? ""
    var failure: [StyledText] = []
    if case .failed(let message) = self.job(state)?.status {
      failure = [.bad("\(look.glyphs.fail) \(message)"), ""]
    }
    buffer.draw(
      EmptyState(
        "Nothing is timed yet",
        failure + [
          "One decode step reads the weights once, whatever the batch: alone, fewer bytes win; with "
            + "many sequences the arithmetic binds, and the faster unit wins.",
          "",
          "Here the model runs in BF16, W4A16, W4A8 and W8A8 at one batch after another, and you see "
            + "where one form overtakes another, and why.", "", next,
        ]), in: columns[1], look: look)
  }
}
