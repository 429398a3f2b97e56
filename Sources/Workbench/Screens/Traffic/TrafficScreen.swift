import Engine
import Models
import Planning
import Quantization
import Serving
package import TerminalUI
import Wording

/// Requests that come one after the other: how long they wait in each form, and what the cache holds meanwhile.
package enum TrafficScreen: Screen {
  package static let id = "traffic"
  package static let title = "Traffic"
  package static let question = "How many requests does each form serve, and how long do they wait?"

  /// Where the cursor is and what is shown.
  package struct View: Remembered {
    /// What the picture shows over time.
    package enum Figure: String, Hashable, Sendable, CaseIterable {
      case running, occupancy, waiting, firstToken
    }

    package var figure = Figure.running
    /// The row of the table.
    package var form = 0
    package var showsOptions = false
    package var option = 0

    package init() {}
  }

  /// What traffic comes; the machine, the prompt and what is generated are those of the planned workload.
  package struct Choice: Remembered {
    /// Requests in ten seconds.
    package var rate = 20
    package var requests = 200
    package var burst = 1
    /// Percent of the requests that begin alike.
    package var shared = 0
    /// Sequences at once; 0 for what suits the machine.
    package var seats = 0
    /// Milliseconds to the first token that are promised; 0 for no promise.
    package var limit = 0

    package init() {}
  }

  package static let shortcut = Shortcut(
    "T", name: "traffic",
    help: "Serve a trace of requests: how long they wait in each form, and how many fit.")

  package static let bindings: [Binding] = [
    Binding(
      "m", name: "serve",
      help:
        "Simulate the trace: from steps that are timed here, or from a described machine's limits.",
      isHint: true, unless: \.cannotMeasure
    ) { state in serve(&state) },
    Binding(
      "v", name: "other figure",
      help: "Show the cache, sequences at once, requests that wait, or the first token, over time.",
      isHint: true, unless: { unserved($0) }
    ) { state in
      let figures = View.Figure.allCases
      let next = (figures.firstIndex(of: state[TrafficScreen.self].figure) ?? 0) + 1
      state[TrafficScreen.self].figure = figures[next % figures.count]
      return []
    },
    Binding(
      "e", "space", name: "type a value",
      help: "Type the value of the chosen option; Tab goes to the options.",
      unless: { state in
        showsOptions(state)
          ? cannotType(state[TrafficScreen.self].option, state) : "Tab goes to the options first"
      }
    ) { state in typeValue(state[TrafficScreen.self].option, &state) },
  ]

  /// The newest job of this screen.
  static func job(_ state: State) -> TrackedJob? { state.jobs.latest(TrafficJob.self) }

  /// Why there are no figures to look at.
  private static func unserved(_ state: State) -> String? {
    report(state) == nil ? "Nothing is served yet: m serves the trace" : nil
  }

  /// The report, where it has a form.
  static func report(_ state: State) -> TrafficReport? {
    state.facts[TrafficJob.self].flatMap { $0.sides.isEmpty ? nil : $0 }
  }

  /// Before anything is served the options are all there is.
  private static func showsOptions(_ state: State) -> Bool {
    state[TrafficScreen.self].showsOptions || report(state) == nil
  }

  /// The row under the cursor.
  static func row(_ state: State) -> Int {
    state[TrafficScreen.self].form.clamped(0, max(0, (report(state)?.sides.count ?? 1) - 1))
  }

  /// What is served with the choices as they are.
  static func options(_ state: State) -> TrafficOptions {
    let choice = state.choices[TrafficScreen.self]
    let work = state.choices.workload
    let isHere = state.choices.machine == nil
    let context = max(4, state.facts.model?.shape.context ?? work.context)
    func cut(_ tokens: Int, _ share: Int) -> Double {
      Double(tokens.clamped(1, max(1, context / share)))
    }
    let prefix = choice.shared > 0 ? context / 8 : 0
    let own = state.choices.recipe
    var recipes: [Recipe] = []
    // Here the quantized model itself is timed, and a described machine computes with the recipe.
    if !isHere, !own.staysFloat { recipes = [own] }
    if own.staysFloat || isHere && state.facts.quantized == nil {
      recipes = ["W4A16", "W8A8", "KV8"].compactMap { RecipeText.scheme($0) }
    }
    return TrafficOptions(
      source: .drawn(
        DrawnTrace(
          rate: Double(choice.rate) / 10, requests: choice.requests, burst: Double(choice.burst),
          prompt: cut(work.promptTokens, 3), generated: cut(work.generatedTokens, 4),
          prefixes: choice.shared > 0 ? 4 : 0, prefixTokens: prefix,
          prefixShare: Double(choice.shared) / 100, context: context)),
      recipes: recipes, machine: state.choices.machine,
      promise: ServingPromise(
        firstToken: choice.limit > 0 ? Double(choice.limit) / 1000 : nil),
      memory: work.memoryBudget, seats: choice.seats > 0 ? choice.seats : nil)
  }

  private static func serve(_ state: inout State) -> [Effect] {
    state[TrafficScreen.self].showsOptions = false
    return state.start(TrafficJob(options: options(state)))
  }

  package static func step(_ state: State) -> Step? {
    guard state.facts.model != nil else { return .openModel }
    guard state.jobs.active == nil else { return nil }
    let isAnswered = state.facts.job(TrafficJob.self)?.options == options(state)
    guard isAnswered else { return Step("serve the trace") { state in serve(&state) } }
    return MethodScreen.step("choose a method")
  }

  package static func focus(_ direction: Int, _ state: inout State) {
    guard report(state) != nil else { return }
    state[TrafficScreen.self].showsOptions.toggle()
  }

  package static func move(_ motion: Motion, _ state: inout State) -> [Effect] {
    guard !showsOptions(state), let report = report(state) else {
      return moveForm(motion, \.option, &state)
    }
    state[TrafficScreen.self].form = motion.moved(
      row(state), count: report.sides.count, page: 4)
    return []
  }

  package static func settings(_ state: State) -> [Setting] {
    let choice = state.choices[TrafficScreen.self]
    func number(
      _ label: String, _ path: any WritableKeyPath<Choice, Int> & Sendable, unit: String = "",
      zero: String? = nil, help: String, ladder: [Int], in range: ClosedRange<Int>
    ) -> Setting {
      .number(
        label, choice[keyPath: path], unit: unit, zero: zero, help: help, ladder: ladder, in: range
      ) { state, value in
        state.choices[TrafficScreen.self][keyPath: path] = value
        return []
      }
    }
    return [
      number(
        "rate", \.rate, unit: "in 10 s",
        help: "Requests in ten seconds; prompt, tokens and machine are those of Target.",
        ladder: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000], in: 1...10_000_000),
      number(
        "requests", \.requests, help: "Requests of the trace.",
        ladder: [50, 100, 200, 500, 1000, 2000, 5000, 10_000], in: 1...100_000),
      number(
        "burst", \.burst, help: "Requests that come at the same moment, on average.",
        ladder: Setting.powers(through: 6), in: 1...1000),
      number(
        "begin alike", \.shared, unit: "%",
        help: "Requests that begin with one of four common prefixes, of an eighth of the context.",
        ladder: [0, 25, 50, 75, 100], in: 0...100),
      number(
        "at once", \.seats, unit: "sequences", zero: "the usual",
        help: "Sequences on the machine at a time: 16 here, 256 on a described one.",
        ladder: [0] + Setting.powers(through: 10), in: 0...4096),
      number(
        "promise", \.limit, unit: "ms", zero: "none",
        help: "Milliseconds to the first token for 99 of 100: the largest rate that keeps it.",
        ladder: [0, 50, 100, 200, 500, 1000, 2000, 5000], in: 0...1_000_000),
    ]
  }

  package static func draw(
    _ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    let job = job(state).flatMap { $0.status.isOver ? nil : $0 }
    guard let report = report(state) else {
      return drawEmpty(state, job, in: rect, of: &buffer, look: look)
    }
    let view = state[TrafficScreen.self]
    let row = row(state)
    let rows = rect.rows([.fill(), .fixed(min(report.sides.count + 3, rect.height / 2))])
    TrafficTable(report: report, selected: row, isFocused: !view.showsOptions).draw(
      in: rows[1], of: &buffer, look: look)
    let right = rect.width >= 140 ? 62 : rect.width >= 96 ? 40 : 34
    let upper = rows[0].columns([.fill(), .fixed(min(right, rect.width / 2))])
    TrafficPicture(report: report, figure: view.figure).draw(
      in: upper[0], of: &buffer, look: look)
    if view.showsOptions {
      drawOptions(state, in: upper[1], of: &buffer, look: look)
    } else if let job {
      JobPanel(job: job, now: state.now).draw(in: upper[1], of: &buffer, look: look)
    } else {
      TrafficDetail(report: report, side: report.sides[row]).draw(
        in: upper[1], of: &buffer, look: look)
    }
  }

  private static func drawOptions(
    _ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    let room = buffer.box("what traffic comes", in: rect, look: look, isFocused: true)
    buffer.draw(
      SettingsForm(settings: settings(state), selected: state[TrafficScreen.self].option),
      in: room, look: look)
  }

  private static func drawEmpty(
    _ state: State, _ job: TrackedJob?, in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    if let job {
      let (top, rest) = rect.splitTop(min(7, rect.height))
      JobPanel(job: job, now: state.now).draw(in: top, of: &buffer, look: look)
      buffer.draw(
        EmptyState(
          "Serving", ["Steps of every form are timed in turns; the trace follows at once."]
        ), in: rest, look: look)
      return
    }
    let columns = rect.columns([.fixed(rect.width * 2 / 5), .fill()])
    drawOptions(
      state, in: columns[0].splitTop(min(12, rect.height)).top, of: &buffer, look: look)
    let next = step(state).map { StyledText.press("Enter", $0.label) } ?? ""
    var failure: [StyledText] = []
    if case .failed(let message) = self.job(state)?.status {
      failure = [.bad("\(look.glyphs.fail) \(message)"), ""]
    }
    buffer.draw(
      EmptyState(
        "Nothing is served yet",
        failure + [
          "Requests arrive, wait for room in the cache, share what their prompts begin with, and finish. "
            + "Fewer bits leave room for more of them, and shorten the steps that they wait for.",
          "",
          StyledText(
            state.choices.machine.map { "On \($0), from its limits alone: modelled." }
              ?? "On this machine: steps are timed first. Target chooses a described machine.",
            .hint),
          "", next,
        ]), in: columns[1], look: look)
  }
}
