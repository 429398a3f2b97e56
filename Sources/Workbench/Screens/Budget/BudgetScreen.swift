import Engine
import Models
import Quantization
package import TerminalUI
import Wording

/// Bits for each layer under a budget, held against uniform bits of the same size, and taken into the recipe.
package enum BudgetScreen: Screen {
  package static let id = "budget"
  package static let title = "Budget"
  package static let question =
    "Which layer should get how many bits, so that the model fits a budget and loses least?"

  /// Where the cursors are.
  package struct View: Remembered {
    package enum Pane: Hashable, Sendable {
      case form, layers
    }

    package var pane = Pane.form
    package var selected = 0
    /// The layer that is looked at.
    package var row = 0
    package var column = 0

    package init() {}
  }

  /// The budget to spend.
  package struct Choice: Remembered {
    /// Bits a weight that the linear layers may take, scales included.
    package var bits = 4.25
    /// Windows that spending it is measured on.
    package var windows = 32

    package init() {}
  }

  package static let shortcut = Shortcut(
    "B", name: "budget", help: "Spend a budget of bits: which layer gets how many.")

  package static let bindings: [Binding] = [
    Binding(
      "e", "space", name: "type a value", help: "Type the value of the field.", isHint: true,
      unless: { cannotType($0[BudgetScreen.self].selected, $0) }
    ) { state in typeValue(state[BudgetScreen.self].selected, &state) },
    Binding(
      "m", name: "spend it", help: "Measure every layer at every width, and spend the budget.",
      isHint: true, unless: { cannotSpend($0) }
    ) { state in spend(&state) },
    Binding(
      "u", name: "take advice",
      help: "Take the advised recipe over and go to Calibrate.", isHint: true,
      unless: { $0.facts.allocation == nil ? "No budget is spent yet: m spends it" : nil }
    ) { state in take(&state) },
  ]

  /// The recipe whose bits are shared out: as chosen, without the widths an earlier budget gave.
  static func base(_ state: State) -> Recipe {
    var recipe = state.choices.recipe
    recipe.exceptions.removeAll { $0.treatment != .fp }
    return recipe
  }

  /// The newest job that spent a budget.
  static func job(_ state: State) -> TrackedJob? {
    state.jobs.latest(AllocateJob.self)
  }

  private static func cannotSpend(_ state: State) -> String? {
    if let reason = state.lacksModel { return reason }
    guard state.choices.recipe.weights != nil else {
      return "The recipe has no method for weights yet: 3 chooses one"
    }
    return job(state)?.status.isOver ?? true ? nil : "The budget is being spent already"
  }

  private static func spend(_ state: inout State) -> [Effect] {
    state.start(
      AllocateJob(
        recipe: base(state), calibration: state.choices.calibration,
        budget: .bits(state.choices[BudgetScreen.self].bits),
        windows: state.choices[BudgetScreen.self].windows))
  }

  private static func take(_ state: inout State) -> [Effect] {
    guard let advised = state.facts.allocation?.advised else { return [] }
    state.choices.recipe = advised.recipe
    state.say(.done, "The recipe is now \(advised.name): Enter quantizes with it")
    let effects = state.reassess()
    state[CalibrateScreen.self].showsSurvey = false
    state.show(Place.calibrate)
    return effects
  }

  package static func step(_ state: State) -> Step? {
    guard state.facts.model != nil else { return .openModel }
    guard state.choices.recipe.weights != nil else {
      return Step("choose a method for weights first") { state in
        state[MethodScreen.self].show(.weights)
        state.show(Place.method)
        return []
      }
    }
    guard job(state)?.status.isOver ?? true else { return nil }
    if let report = state.facts.allocation, isAnswered(state, report) {
      return Step("take the advice") { state in take(&state) }
    }
    return Step("spend the budget") { state in spend(&state) }
  }

  /// Whether a report answers what the form asks now.
  private static func isAnswered(_ state: State, _ report: AllocationReport) -> Bool {
    guard let job = state.facts.job(AllocateJob.self) else { return false }
    return job.budget == .bits(state.choices[BudgetScreen.self].bits)
      && job.windows == state.choices[BudgetScreen.self].windows
      && report.mixed.recipe.weights?.method == state.choices.recipe.weights?.method
  }

  package static func focus(_ direction: Int, _ state: inout State) {
    state[BudgetScreen.self].pane = state[BudgetScreen.self].pane == .form ? .layers : .form
  }

  package static func move(_ motion: Motion, _ state: inout State) -> [Effect] {
    switch state[BudgetScreen.self].pane {
    case .form: return moveForm(motion, \.selected, &state)
    case .layers:
      let column = state[BudgetScreen.self].column + motion.horizontal
      state[BudgetScreen.self].column = column.clamped(
        0, max(0, (state.facts.allocation?.roles.count ?? 0) - 1))
      let rows = (state.facts.allocation?.choices.map(\.block).max() ?? 0).clamped(0, 4095) + 1
      state[BudgetScreen.self].row = motion.moved(state[BudgetScreen.self].row, count: rows)
    }
    return []
  }

  /// Budgets that the arrows step through, in bits a weight.
  private static let ladder: [Double] = [
    2.25, 2.5, 2.75, 3, 3.25, 3.5, 3.75, 4, 4.25, 4.5, 4.75, 5, 5.5, 6, 7, 8, 8.25,
  ]

  package static func settings(_ state: State) -> [Setting] {
    let bits = state.choices[BudgetScreen.self].bits
    return [
      Setting(
        "budget", .choice(StyledText(Quantity.significant(bits))), unit: "bits",
        help:
          "Bits a weight, scales included: 4 bits in groups of 128 are 4.125.",
        editable: "\(bits)",
        step: { state, direction in
          let next = direction > 0 ? ladder.first { $0 > bits } : ladder.last { $0 < bits }
          state.choices[BudgetScreen.self].bits = next ?? bits
          return []
        },
        take: { state, text in
          guard let value = Double(text.trimmed), (2...16).contains(value) else {
            return .refused(expected: "bits a weight from 2 to 16, such as 3.5")
          }
          state.choices[BudgetScreen.self].bits = value
          return .taken([])
        }),
      .number(
        "windows", state.choices[BudgetScreen.self].windows, unit: "of 256 tokens",
        help: "Windows of text that the result is measured on. More make the error bars smaller.",
        ladder: Setting.powers(from: 2, through: 10), in: 2...100_000
      ) { state, value in
        state.choices[BudgetScreen.self].windows = value
        return []
      },
    ]
  }

  package static func draw(
    _ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    let left = rect.width >= 150 ? 60 : rect.width >= 96 ? 46 : min(42, rect.width * 11 / 20)
    let rows = rect.rows([.fixed(rect.height >= 26 ? 9 : 7), .fill()])
    let upper = rows[0].columns([.fixed(min(left, rect.width / 2)), .fill()])
    let room = buffer.box(
      "what it may take", in: upper[0], look: look,
      isFocused: state[BudgetScreen.self].pane == .form)
    buffer.draw(
      SettingsForm(
        settings: settings(state),
        selected: state[BudgetScreen.self].pane == .form ? state[BudgetScreen.self].selected : nil),
      in: room, look: look)
    if let job = job(state), !job.status.isOver || state.facts.allocation == nil {
      JobPanel(job: job, now: state.now).draw(in: upper[1], of: &buffer, look: look)
    } else {
      BudgetAnswer(report: state.facts.allocation, recipe: base(state)).draw(
        in: upper[1], of: &buffer, look: look)
    }
    guard let report = state.facts.allocation else {
      drawEmpty(state, in: rows[1], of: &buffer, look: look)
      return
    }
    let lower = rows[1].columns([.fixed(left), .fill()])
    let view = state[BudgetScreen.self]
    BitsGrid(
      report: report, row: view.row, column: view.column, isFocused: view.pane == .layers
    ).draw(in: lower[0], of: &buffer, look: look)
    SidesPanel(report: report).draw(in: lower[1], of: &buffer, look: look)
  }

  private static func drawEmpty(
    _ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    let isRunning = job(state).map { !$0.status.isOver } ?? false
    buffer.draw(
      EmptyState(
        isRunning ? "Measuring" : "Nothing is spent yet",
        isRunning
          ? ["The bits of every layer will stand here, and whether they beat the same for all."]
          : [
            "Layers are not equally sensitive. Each is measured alone at every width; the budget goes "
              + "where it helps most, and the result is held against the same bits for all.", "",
            step(state).map { .press("Enter", $0.label) } ?? "",
          ]), in: rect, look: look)
  }
}
