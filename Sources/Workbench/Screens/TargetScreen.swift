import Engine
import Models
import Operators
import Planning
package import TerminalUI

/// Check 1, before any method: what binds this model under this workload, and so what to quantize.
package enum TargetScreen: Screen {
  package static let id = "target"
  package static let title = "Target"
  package static let question =
    "Which tensor binds this workload: weights, activations or the KV cache?"

  /// Where the cursor is, and which advice is read.
  package struct View: Hashable, Sendable {
    package var selected = 0
    package var advice = 0
    /// The layer of the map that is shown: 0 for the widest cache that fits, then one a width.
    package var layer = 0
    package var page = Page.advice

    package init() {}
  }

  /// What the panel beside the workload tells.
  package enum Page: Int, Hashable, Sendable, CaseIterable {
    case advice, methods, runtimes, cache

    var next: Page { Page(rawValue: rawValue + 1) ?? .advice }
  }

  package static let bindings: [Binding] = [
    Binding("e", "space", name: "type a value", help: "Type the value of the field.", isHint: true)
    {
      state in
      let settings = settings(state)
      guard settings.indices.contains(state.target.selected) else { return [] }
      FieldEdit.open(settings[state.target.selected], &state)
      return []
    },
    Binding(
      "a", name: "other advice", help: "Read the next best target.", isHint: true,
      when: { ($0.facts.plan?.advice.count ?? 0) > 1 }
    ) { state in
      let count = max(1, state.facts.plan?.advice.count ?? 1)
      state.target.advice = (state.target.advice + 1) % count
      return []
    },
    Binding(
      "v", name: "methods, runtimes",
      help: "Read on: the methods ranked, which runtimes run it, the cache in numbers, the advice.",
      isHint: true, when: { $0.facts.plan != nil }
    ) { state in
      state.target.page = state.target.page.next
      return []
    },
    Binding(
      "w", name: "KV width", help: "Show the map of what fits for the next width of the cache.",
      isHint: true, when: { !($0.facts.plan?.maps.isEmpty ?? true) }
    ) { state in
      state.target.layer = (state.target.layer + 1) % ((state.facts.plan?.maps.count ?? 0) + 1)
      return []
    },
    Binding(
      "f", name: "fill caches",
      help: "Fill caches of 1 to 16 sequences and measure what they hold, beside the plan.",
      when: { $0.facts.model != nil }
    ) { state in
      state.target.page = .cache
      return state.start(
        CacheFillingJob(workload: state.choices.workload, recipe: state.choices.recipe))
    },
    Binding("m", name: "measure machine", help: "Measure what this machine can do, again.") {
      state in state.start(MachineJob())
    },
  ]

  package static func step(_ state: State) -> Step? {
    guard state.facts.model != nil else { return .go("open a model first", to: ModelScreen.id) }
    guard let advice = advice(state) else { return nil }
    return Step("methods for the \(advice.target.words)") { state in
      state.method.show(advice.target)
      state.method.selected = MethodScreen.advised(state)
      return state.show(MethodScreen.id)
    }
  }

  static func advice(_ state: State) -> PlanReport.Advice? {
    guard let advice = state.facts.plan?.advice, !advice.isEmpty else { return nil }
    return advice[min(max(0, state.target.advice), advice.count - 1)]
  }

  package static func move(_ motion: Motion, _ state: inout State) -> [Effect] {
    let settings = settings(state)
    if motion.horizontal != 0, settings.indices.contains(state.target.selected) {
      return settings[state.target.selected].step(&state, motion.horizontal)
    }
    state.target.selected = motion.moved(state.target.selected, count: settings.count)
    return []
  }

  package static func appeared(_ state: inout State) -> [Effect] {
    state.facts.plan == nil ? state.replan() : []
  }

  package static func draw(
    _ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    let left = rect.width >= 120 ? 46 : rect.width >= 96 ? 40 : rect.width / 2
    let columns = rect.columns([.fixed(left), .fill()])
    let form = min(settings(state).count + 5, columns[0].height * 3 / 5)
    let leftRows = columns[0].rows([.fixed(form), .fill()])
    let room = buffer.box("workload", in: leftRows[0], look: look, isFocused: true)
    buffer.draw(
      SettingsForm(settings: settings(state), selected: state.target.selected), in: room, look: look
    )
    guard let plan = state.facts.plan else {
      drawEmpty(state, in: columns[1], of: &buffer, look: look)
      return
    }
    buffer.draw(FitMap(plan: plan, layer: state.target.layer), in: leftRows[1], look: look)
    if rect.width >= 150, rect.height >= 30 {
      drawWide(plan, state, in: columns[1], of: &buffer, look: look)
      return
    }
    // The advice is what the screen is for: where there is no room for all, it stays. What is read on needs more.
    let isAdvice = state.target.page == .advice
    let memory = rect.height >= 24 ? 7 : isAdvice ? 6 : 0
    let bounds = isAdvice ? rect.height >= 24 ? 8 : rect.height >= 19 ? 6 : 0 : 0
    let rows = columns[1].rows([.fixed(memory), .fixed(bounds), .fill()])
    if memory > 0 { buffer.draw(MemoryUse(plan: plan), in: rows[0], look: look) }
    if bounds > 0 { buffer.draw(PhaseBounds(plan: plan), in: rows[1], look: look) }
    drawPage(plan, state, in: rows[2], of: &buffer, look: look)
  }

  /// The page that is read.
  private static func drawPage(
    _ plan: PlanReport, _ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    let selected = state.target.advice
    switch state.target.page {
    case .advice:
      buffer.draw(TargetAdvice(plan: plan, selected: selected), in: rect, look: look)
    case .methods:
      buffer.draw(MethodOrder(plan: plan, selected: selected), in: rect, look: look)
    case .runtimes:
      buffer.draw(TargetCoverage(plan: plan, selected: selected), in: rect, look: look)
    case .cache:
      buffer.draw(CacheFacts(plan: plan, measured: state.facts.cacheFill), in: rect, look: look)
    }
  }

  /// With much room all pieces of advice are on the screen, and the seconds behind the bars.
  private static func drawWide(
    _ plan: PlanReport, _ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    let columns = rect.columns([.fill(weight: 5), .fill(weight: 4)])
    let rows = columns[0].rows([.fixed(8), .fixed(9), .fixed(8), .fill()])
    buffer.draw(MemoryUse(plan: plan), in: rows[0], look: look)
    buffer.draw(PhaseBounds(plan: plan), in: rows[1], look: look)
    buffer.draw(PhaseSeconds(plan: plan), in: rows[2], look: look)
    if rows[3].height >= 6 {
      buffer.draw(CacheFacts(plan: plan, measured: state.facts.cacheFill), in: rows[3], look: look)
    }
    let selected = state.target.advice
    var room = columns[1]
    if rect.height >= 50 {
      let parts = room.rows([.fill(), .fixed(12), .fixed(13)])
      buffer.draw(MethodOrder(plan: plan, selected: selected), in: parts[1], look: look)
      buffer.draw(TargetCoverage(plan: plan, selected: selected), in: parts[2], look: look)
      room = parts[0]
    } else if state.target.page != .advice {
      return drawPage(plan, state, in: room, of: &buffer, look: look)
    }
    let count = plan.advice.count
    let cards = room.rows(plan.advice.map { _ in .fill(weight: 1, min: 8) })
    for (index, card) in cards.enumerated() where index < count {
      buffer.draw(TargetAdvice(plan: plan, selected: index), in: card, look: look)
    }
  }

  private static func drawEmpty(
    _ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    if state.facts.model == nil {
      buffer.draw(
        EmptyState(
          "No model is open",
          [
            "The plan needs a model: its shape says what a token costs.", "",
            .press("1", "or ") + .press("Enter", "goes to the Model screen"),
          ]), in: rect, look: look)
    } else {
      buffer.draw(
        EmptyState("Planning", ["The machine is being measured; the plan follows at once."]),
        in: rect, look: look)
    }
  }
}

extension TargetScreen {
  /// The workload as a form; each change plans again.
  package static func settings(_ state: State) -> [Setting] {
    let work = state.choices.workload
    return [
      .number(
        "context", work.context, unit: "tokens",
        help: "Tokens that one request may hold at most, prompt and answer together.",
        ladder: Setting.powers(from: 7, through: 20), in: 1...(1 << 30)
      ) { state, value in
        state.choices.workload.context = value
        state.choices.workload.promptTokens = min(state.choices.workload.promptTokens, value)
        return state.replan()
      },
      .number(
        "requests", work.requests, unit: "at a time",
        help: "Requests whose caches are in memory at the same time.",
        ladder: Setting.powers(through: 12), in: 1...1_000_000
      ) { state, value in
        state.choices.workload.requests = value
        return state.replan()
      },
      prefix(work),
      .number(
        "prompt", work.promptTokens, unit: "tokens",
        help: "Tokens of a typical prompt: what prefill has to compute.",
        ladder: Setting.powers(from: 5, through: 20), in: 1...(1 << 30)
      ) { state, value in
        state.choices.workload.promptTokens = value
        return state.replan()
      },
      .number(
        "generate", work.generatedTokens, unit: "tokens",
        help: "Tokens of a typical answer: each is one decode step.",
        ladder: Setting.powers(from: 3, through: 16), in: 1...(1 << 30)
      ) { state, value in
        state.choices.workload.generatedTokens = value
        return state.replan()
      },
      .number(
        "batch", work.batch, unit: "sequences",
        help: "Sequences decoded in one step; they share one reading of the weights.",
        ladder: Setting.powers(through: 10), in: 1...65_536
      ) { state, value in
        state.choices.workload.batch = value
        return state.replan()
      },
      budget(work), machine(state),
    ]
  }

  private static func prefix(_ work: Workload) -> Setting {
    let percent = Int((work.sharedPrefix.isFinite ? work.sharedPrefix * 100 : 0).rounded())
    return .number(
      "prefix", percent, unit: "% shared",
      help: "Part of the context that all requests have in common, such as a system prompt.",
      ladder: Array(stride(from: 0, through: 100, by: 10)), in: 0...100
    ) { state, value in
      state.choices.workload.sharedPrefix = Double(value) / 100
      return state.replan()
    }
  }

  private static func budget(_ work: Workload) -> Setting {
    let ladder: [Double] = [0, 1, 2, 4, 6, 8, 12, 16, 24, 32, 48, 64, 80, 96, 128, 192, 256, 512]
    let now = (work.memoryBudget ?? 0) / 1e9
    return Setting(
      "memory",
      .choice(
        StyledText(work.memoryBudget.map { NumberText.short($0) + "B" } ?? "what is there")),
      help: "Memory that weights, cache and activations may take. Type 24 for 24 GB, or 0 for what "
        + "the machine has.",
      editable: NumberText.significant(now),
      step: { state, direction in
        let next = direction > 0 ? ladder.first { $0 > now } : ladder.last { $0 < now }
        guard let next else { return [] }
        state.choices.workload.memoryBudget = next > 0 ? next * 1e9 : nil
        return state.replan()
      },
      take: { state, text in
        guard let value = Double(text.trimmed), value >= 0, value <= 1e6 else {
          return .refused(expected: "gigabytes, such as 24, or 0 for what the machine has")
        }
        state.choices.workload.memoryBudget = value > 0 ? value * 1e9 : nil
        return .taken(state.replan())
      })
  }

  private static func machine(_ state: State) -> Setting {
    let names: [String?] = [nil] + state.catalog.machines.map(\.name)
    let index = names.firstIndex { $0 == state.choices.machine } ?? 0
    return Setting(
      "machine", .choice(StyledText(state.choices.machine ?? "this one")),
      help: "The machine to plan for: this one as measured, or one described by its data sheet.",
      step: { state, direction in
        let next = min(max(0, index + direction), names.count - 1)
        guard next != index else { return [] }
        state.choices.machine = names[next]
        return state.replan()
      })
  }
}
