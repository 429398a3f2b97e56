package import Engine
import Models
import Planning
import Quantization
package import TerminalUI
import Wording

/// One recipe for the open model and the planned workload, and the table it was chosen from.
package enum ChooseScreen: Screen {
  package static let id = "choose"
  package static let title = "Choose"
  package static let question =
    "Which one recipe does this model need under this workload, and what was it chosen from?"

  /// Where the cursors are.
  package struct View: Remembered {
    package enum Pane: Hashable, Sendable {
      case form, table
    }

    package var pane = Pane.form
    package var selected = 0
    /// The candidate that is looked at.
    package var row = 0

    package init() {}
  }

  /// What the choice has to meet, and what it may take.
  package struct Choice: Remembered {
    /// KL to the baseline in nats at most.
    package var mostKL = 0.02
    /// Tokens of a hundred whose most likely successor stays, at least.
    package var leastTopOne = 90
    /// How many times faster the phase has to be that binds.
    package var leastSpeedup = 1.1
    package var windows = 32
    package var minutes = 15
    /// A runtime that is to execute it natively, by name; nil for this program.
    package var runtime: String?
    /// Bytes of weights and cache at most; nil for what the plan has.
    package var mostBytes: Double?
    /// A text to measure on; nil for the built-in one.
    package var text: String?
    /// Whether every candidate is measured to the end, and all that may win are timed.
    package var isExhaustive = false

    package init() {}
  }

  package static let shortcut = Shortcut(
    "D", name: "choose",
    help: "Decide: race the methods under the planned workload, and get one recipe.")

  package static let bindings: [Binding] = [
    Binding(
      "e", "space", name: "type a value", help: "Type the value of the field.", isHint: true,
      unless: { cannotType($0[ChooseScreen.self].selected, $0) }
    ) { state in typeValue(state[ChooseScreen.self].selected, &state) },
    Binding(
      "m", name: "choose", help: "Race the methods, and time the best of them.", isHint: true,
      unless: { cannotChoose($0) }
    ) { state in choose(&state) },
    Binding(
      "u", name: "take it", help: "Take the recommended recipe over and go to Method.",
      isHint: true,
      unless: { recommended($0) == nil ? "Nothing is recommended yet: m chooses" : nil }
    ) { state in take(&state) },
    Binding(
      "s", name: "save", help: "Save the choice as a run of the workspace, with receipt and page.",
      unless: { report($0) == nil ? "Nothing is chosen yet: m chooses" : nil }
    ) { state in state.start(SaveJob(limits: state.limits)) },
  ]

  /// The newest job that chose.
  static func job(_ state: State) -> TrackedJob? { state.jobs.latest(ChooseJob.self) }

  static func report(_ state: State) -> ChooseReport? { state.facts[ChooseJob.self] }

  /// The candidates: of the report, or as far as a running job has told of them.
  static func rows(_ state: State) -> [ChooseReport.Row] {
    if let report = report(state) { return report.rows }
    return (state.facts.reports.parts(of: ChooseJob.self) ?? []).reduce(into: []) { rows, row in
      if let place = rows.firstIndex(where: { $0.recipe == row.recipe }) {
        rows[place] = row
      } else {
        rows.append(row)
      }
    }
  }

  private static func recommended(_ state: State) -> Recipe? {
    guard let report = report(state), let winner = report.winner, winner > 0 else { return nil }
    return report.rows[winner].recipe
  }

  private static func cannotChoose(_ state: State) -> String? {
    if let reason = state.lacksModel { return reason }
    return job(state)?.status.isOver ?? true ? nil : "It is being chosen already"
  }

  private static func choose(_ state: inout State) -> [Effect] {
    let choice = state.choices[ChooseScreen.self]
    return state.start(
      ChooseJob(
        options: ChooseOptions(
          workload: state.choices.workload, machine: state.choices.machine,
          runtime: choice.runtime, mostKL: choice.mostKL,
          leastTopOne: Double(choice.leastTopOne) / 100, mostBytes: choice.mostBytes,
          text: choice.text, windows: choice.windows, calibration: state.choices.calibration,
          seconds: Double(choice.minutes) * 60,
          exhaustive: choice.isExhaustive ? true : nil)))
  }

  private static func take(_ state: inout State) -> [Effect] {
    guard let recipe = recommended(state) else { return [] }
    state.choices.recipe = recipe
    state.say(.done, "The recipe is now \(recipe)")
    let effects = state.reassess()
    state.show(Place.method)
    return effects
  }

  package static func step(_ state: State) -> Step? {
    guard state.facts.model != nil else { return .openModel }
    guard job(state)?.status.isOver ?? true else { return nil }
    if recommended(state) != nil { return Step("take the recipe") { state in take(&state) } }
    return Step("choose") { state in choose(&state) }
  }

  package static func focus(_ direction: Int, _ state: inout State) {
    state[ChooseScreen.self].pane = state[ChooseScreen.self].pane == .form ? .table : .form
  }

  package static func move(_ motion: Motion, _ state: inout State) -> [Effect] {
    switch state[ChooseScreen.self].pane {
    case .form: return moveForm(motion, \.selected, &state)
    case .table:
      state[ChooseScreen.self].row = motion.moved(
        state[ChooseScreen.self].row, count: rows(state).count)
      return []
    }
  }

  /// Limits that the arrows step through, in nats.
  private static let ladder = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5]

  package static func settings(_ state: State) -> [Setting] {
    let choice = state.choices[ChooseScreen.self]
    return [
      Setting(
        "KL at most", .choice(StyledText(Quantity.significant(choice.mostKL))), unit: "nats",
        help: "How far the next-token distributions may move from the baseline's.",
        editable: "\(choice.mostKL)",
        step: { state, direction in
          let next =
            direction > 0 ? ladder.first { $0 > choice.mostKL } : ladder.last { $0 < choice.mostKL }
          state.choices[ChooseScreen.self].mostKL = next ?? choice.mostKL
          return []
        },
        take: { state, text in
          guard let value = Double(text.trimmed), (0...100).contains(value) else {
            return .refused(expected: "nats from 0 to 100, such as 0.02")
          }
          state.choices[ChooseScreen.self].mostKL = value
          return .taken([])
        }),
      .number(
        "top-1 kept", choice.leastTopOne, unit: "% at least",
        help: "Tokens whose most likely successor stays the baseline's.",
        ladder: [50, 80, 90, 95, 97, 99], in: 0...100
      ) { state, value in
        state.choices[ChooseScreen.self].leastTopOne = value
        return []
      },
      .number(
        "windows", choice.windows, unit: "of 512 tokens",
        help: "Windows of text that quality is measured on. More make the error bars smaller.",
        ladder: Setting.powers(from: 2, through: 10), in: 1...100_000
      ) { state, value in
        state.choices[ChooseScreen.self].windows = value
        return []
      },
      .number(
        "time", choice.minutes, unit: "minutes",
        help: "What it may take. What is not measured by then is said.",
        ladder: [1, 2, 5, 10, 15, 30, 60], in: 1...10_000
      ) { state, value in
        state.choices[ChooseScreen.self].minutes = value
        return []
      },
    ] + narrower(choice)
  }

  /// What narrows the choice: a runtime, bytes, another text, how much a verdict asks for.
  private static func narrower(_ choice: Choice) -> [Setting] {
    let runtimes = [nil] + RuntimeRules.coverage(RuntimeDemand()).map { Optional($0.runtime) }
    return [
      Setting(
        "runtime", .choice(StyledText(choice.runtime ?? "this program")),
        help: "What is to execute it natively; what it expands or refuses is not recommended.",
        step: { state, direction in
          let index = runtimes.firstIndex(of: choice.runtime) ?? 0
          state.choices[ChooseScreen.self].runtime =
            runtimes[(index + direction + runtimes.count) % runtimes.count]
          return []
        }),
      Setting(
        "bytes at most",
        .text(choice.mostBytes.map { Quantity.bytes($0) } ?? "as planned", caret: nil),
        help: "Of weights and cache of the workload together; empty for the plan's budget.",
        editable: choice.mostBytes.map { Quantity.bytes($0) } ?? "",
        take: { state, text in
          let text = text.trimmed
          guard text.isEmpty || ByteText.parse(text) != nil else {
            return .refused(expected: "a size such as 1.5GB or 400MB, or nothing")
          }
          state.choices[ChooseScreen.self].mostBytes = ByteText.parse(text)
          return .taken([])
        }),
      Setting(
        "text", .text(choice.text ?? "built-in", caret: nil),
        help: "The path of a text to measure quality on; empty for the built-in one.",
        editable: choice.text ?? "",
        take: { state, text in
          let path = text.trimmed
          state.choices[ChooseScreen.self].text = path.isEmpty ? nil : path
          return .taken([])
        }),
      Setting(
        "speed-up", .choice(StyledText(Quantity.times(choice.leastSpeedup))), unit: "at least",
        help: "How many times faster the phase has to be that binds, for the verdict to pass.",
        step: { state, direction in
          let steps: [Double] = [1, 1.05, 1.1, 1.2, 1.5, 2, 3]
          let next =
            direction > 0
            ? steps.first { $0 > choice.leastSpeedup } : steps.last { $0 < choice.leastSpeedup }
          state.choices[ChooseScreen.self].leastSpeedup = next ?? choice.leastSpeedup
          return []
        }),
      Setting(
        "exhaustive", .choice(StyledText(choice.isExhaustive ? "yes" : "no")),
        help: "Whether none leaves early: every candidate is measured whole, and all are timed.",
        step: { state, _ in
          state.choices[ChooseScreen.self].isExhaustive.toggle()
          return []
        }),
    ]
  }

  package static func draw(
    _ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    let rows = rect.rows([.fixed(rect.height >= 26 ? 12 : 8), .fill()])
    let left = rect.width >= 150 ? 56 : min(44, rect.width / 2)
    let upper = rows[0].columns([.fixed(left), .fill()])
    let view = state[ChooseScreen.self]
    let room = buffer.box(
      "limits", in: upper[0], look: look, isFocused: view.pane == .form)
    buffer.draw(
      SettingsForm(
        settings: settings(state), selected: view.pane == .form ? view.selected : nil),
      in: room, look: look)
    if let job = job(state), !job.status.isOver || report(state) == nil {
      JobPanel(job: job, now: state.now).draw(in: upper[1], of: &buffer, look: look)
    } else {
      ChooseAnswer(report: report(state), workload: state.choices.workload).draw(
        in: upper[1], of: &buffer, look: look)
    }
    let found = self.rows(state)
    guard !found.isEmpty else {
      drawEmpty(state, in: rows[1], of: &buffer, look: look)
      return
    }
    let changes = report(state)?.changes ?? []
    let lower = rows[1].rows([.fill(), .fixed(changes.isEmpty || rows[1].height < 14 ? 0 : 7)])
    CandidateTable(
      rows: found, winner: report(state)?.winner, selected: view.row,
      isFocused: view.pane == .table
    ).draw(in: lower[0], of: &buffer, look: look)
    guard lower[1].height > 2 else { return }
    let note = buffer.box("what would change it", in: lower[1], look: look)
    buffer.draw(Paragraph(.hint(changes.joined(separator: " "))), in: note, look: look)
  }

  private static func drawEmpty(
    _ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    let isRunning = job(state).map { !$0.status.isOver } ?? false
    buffer.draw(
      EmptyState(
        isRunning ? "Measuring" : "Nothing is chosen yet",
        isRunning
          ? ["The candidates will stand here, with what they lose and gain."]
          : [
            "The methods of the targets that the workload gains by are measured on the same text; those that cannot "
              + "win leave early, the others are timed under the workload, the baseline in the same rounds.",
            "", step(state).map { .press("Enter", $0.label) } ?? "",
          ]), in: rect, look: look)
  }
}

extension State {
  /// What a recipe has to meet, as it is set on Choose.
  package var limits: DecisionLimits {
    let choice = choices[ChooseScreen.self]
    return DecisionLimits(
      mostKL: choice.mostKL, leastTopOne: Double(choice.leastTopOne) / 100,
      leastSpeedup: choice.leastSpeedup)
  }
}
