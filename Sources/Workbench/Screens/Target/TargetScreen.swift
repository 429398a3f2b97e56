import Engine
import Models
import Operators
import Planning
import Quantization
package import TerminalUI

/// Check 1, before any method: what binds this model under this workload, and so what to quantize.
package enum TargetScreen: Screen {
  package static let id = Place.target
  package static let title = "Target"
  package static let question =
    "Which tensor binds this workload: weights, activations or the KV cache?"

  /// Where the cursor is, and which advice is read.
  package struct View: Remembered {
    package var selected = 0
    package var advice = 0
    /// The layer of the map that is shown: 0 for the widest cache that fits, then one a width.
    package var layer = 0
    package var page = Page.advice

    package init() {}
  }

  /// What the panel next to the workload tells.
  package enum Page: Int, Hashable, Sendable, CaseIterable {
    case advice, methods, runtimes, cache, machine

    var next: Page { Page(rawValue: rawValue + 1) ?? .advice }
  }

  package static let shortcut = Shortcut("2")
  package static let isInWalk = true

  package static func isDone(_ state: State) -> Bool {
    state.facts.holdsCandidate || state.facts.plan != nil && !state.choices.recipe.isBaseline
  }

  package static let bindings: [Binding] = [
    Binding(
      "e", "space", name: "type a value", help: "Type the value of the field.", isHint: true,
      unless: { cannotType($0[TargetScreen.self].selected, $0) }
    ) { state in typeValue(state[TargetScreen.self].selected, &state) },
    Binding(
      ".", name: "other advice", help: "Read the next best target.", isHint: true,
      unless: {
        unplanned($0)
          ?? (($0.facts.plan?.advice.count ?? 0) > 1 ? nil : "There is one piece of advice only")
      }
    ) { state in
      let count = max(1, state.facts.plan?.advice.count ?? 1)
      state[TargetScreen.self].advice = (state[TargetScreen.self].advice + 1) % count
      return []
    },
    Binding(
      "v", name: "methods, runtimes",
      help:
        "Read on: the methods ranked, which runtimes run it, the cache in numbers, the machine, the advice.",
      isHint: true, unless: { unplanned($0) }
    ) { state in
      state[TargetScreen.self].page = state[TargetScreen.self].page.next
      return []
    },
    Binding(
      ",", name: "KV width", help: "Show the map of what fits for the next width of the cache.",
      isHint: true,
      unless: {
        unplanned($0)
          ?? ($0.facts.plan?.maps.isEmpty ?? true ? "This plan has no map of widths" : nil)
      }
    ) { state in
      state[TargetScreen.self].layer =
        (state[TargetScreen.self].layer + 1) % ((state.facts.plan?.maps.count ?? 0) + 1)
      return []
    },
    Binding(
      "z", name: "fill caches",
      help: "Fill caches of 1 to 16 sequences and measure what they hold, next to the plan.",
      unless: \.lacksModel
    ) { state in
      state[TargetScreen.self].page = .cache
      return state.start(
        CacheFillingJob(workload: state.choices.workload, recipe: state.choices.recipe))
    },
    Binding("m", name: "measure machine", help: "Measure what this machine can do, again.") {
      state in
      state[TargetScreen.self].page = .machine
      return state.start(MachineJob(again: true))
    },
  ]

  private static func unplanned(_ state: State) -> String? {
    state.facts.plan == nil ? state.lacksModel ?? "The plan is being worked out" : nil
  }

  package static func standstill(_ state: State) -> String {
    unplanned(state) ?? "The plan advises nothing for this workload"
  }

  package static func step(_ state: State) -> Step? {
    guard state.facts.model != nil else { return .openModel }
    // The plan of a workload that was changed since advises nothing any more.
    guard let advice = advice(state),
      state.facts.job(PlanJob.self)?.workload == state.choices.workload
    else { return nil }
    return MethodScreen.step("methods for the \(advice.target.words)", for: advice.target)
  }

  static func advice(_ state: State) -> PlanReport.Advice? {
    guard let advice = state.facts.plan?.advice, !advice.isEmpty else { return nil }
    return advice[min(max(0, state[TargetScreen.self].advice), advice.count - 1)]
  }

  package static func move(_ motion: Motion, _ state: inout State) -> [Effect] {
    moveForm(motion, \.selected, &state)
  }

  package static func appeared(_ state: inout State) -> [Effect] {
    state.facts.plan == nil || state.planLacksRuns ? state.replan() : []
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
      SettingsForm(settings: settings(state), selected: state[TargetScreen.self].selected),
      in: room, look: look
    )
    guard let plan = state.facts.plan else {
      drawEmpty(state, in: columns[1], of: &buffer, look: look)
      return
    }
    buffer.draw(
      FitMap(plan: plan, layer: state[TargetScreen.self].layer), in: leftRows[1], look: look)
    if rect.width >= 150, rect.height >= 30 {
      drawWide(plan, state, in: columns[1], of: &buffer, look: look)
      return
    }
    // The advice is what the screen is for: where there is no room for all, it stays. What is read on needs more.
    let isAdvice = state[TargetScreen.self].page == .advice
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
    let selected = state[TargetScreen.self].advice
    switch state[TargetScreen.self].page {
    case .advice:
      buffer.draw(TargetAdvice(plan: plan, selected: selected), in: rect, look: look)
    case .methods:
      buffer.draw(MethodOrder(plan: plan, selected: selected), in: rect, look: look)
    case .runtimes:
      buffer.draw(TargetCoverage(plan: plan, selected: selected), in: rect, look: look)
    case .cache:
      buffer.draw(CacheFacts(plan: plan, measured: state.facts.cacheFill), in: rect, look: look)
    case .machine: buffer.draw(MachinePage(plan: plan), in: rect, look: look)
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
    let selected = state[TargetScreen.self].advice
    var room = columns[1]
    if rect.height >= 50 {
      let parts = room.rows([.fill(), .fixed(12), .fixed(13)])
      buffer.draw(MethodOrder(plan: plan, selected: selected), in: parts[1], look: look)
      buffer.draw(TargetCoverage(plan: plan, selected: selected), in: parts[2], look: look)
      room = parts[0]
    } else if state[TargetScreen.self].page != .advice {
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
