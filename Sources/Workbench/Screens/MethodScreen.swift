import Engine
package import Models
import Planning
package import Quantization
package import TerminalUI

/// The recipe: one method a target, its options, its price before it runs, and who runs the result natively.
package enum MethodScreen: Screen {
  package static let id = "method"
  package static let title = "Method"
  package static let question =
    "Which method for each target, at what price, and which runtimes run the result natively?"

  /// The part of the recipe that is chosen for, and the cursors of the three panes.
  package struct View: Hashable, Sendable {
    package enum Pane: Int, Hashable, Sendable, CaseIterable {
      case slots, methods, options
    }

    package var slot = Slot.weights
    package var pane = Pane.methods
    package var selected = 0
    package var option = 0
    package var filter = ""
    /// The exception under the cursor of the recipe; nil while that is on a slot.
    package var exception: Int?
    /// Keys and values are chosen together.
    package var linksCaches = true

    package init() {}

    /// Turns to a target.
    package mutating func show(_ target: QuantizationTarget) {
      slot = Slot.allCases.first { $0.target == target } ?? .weights
      pane = .methods
      selected = 0
      filter = ""
    }
  }

  package static let bindings: [Binding] = [
    Binding(
      "space", "u", name: "use it", help: "Take the chosen method into the recipe.", isHint: true
    ) {
      state in
      guard let method = chosen(state) else { return [] }
      return use(choice(of: method, state), &state)
    },
    Binding(
      "x", name: "back to FP",
      help: "Take the method out: this target stays FP. On an exception: take that out.",
      isHint: true
    ) { state in
      if let index = exception(state) {
        state.choices.recipe.exceptions.remove(at: index)
        return state.reassess()
      }
      return use(nil, &state)
    },
    Binding("e", name: "type a value", help: "Type the value of the chosen option.") { state in
      let settings = settings(state)
      guard settings.indices.contains(state.method.option) else { return [] }
      state.method.pane = .options
      FieldEdit.open(settings[state.method.option], &state)
      return []
    },
    Binding(
      "b", name: "link K and V", help: "Choose keys and values together, or apart.",
      when: { $0.method.slot.target == .kvCache }
    ) { state in
      state.method.linksCaches.toggle()
      state.say(
        .information,
        state.method.linksCaches
          ? "Keys and values are chosen together" : "Keys and values are chosen apart")
      return []
    },
    FilterEdit.binding(.methods),
  ]

  /// The methods of the slot that the filter lets through.
  static func methods(_ state: State) -> [MethodDescription] {
    state.catalog.methods.filter {
      $0.target == state.method.slot.target
        && "\($0.name) \($0.title) \($0.summary) \($0.aliases.joined(separator: " "))"
          .satisfies(filter: state.method.filter)
    }
  }

  static func chosen(_ state: State) -> MethodDescription? {
    let methods = methods(state)
    return methods.indices.contains(state.method.selected) ? methods[state.method.selected] : nil
  }

  /// What the plan advises for the target that is chosen for.
  private static func advice(_ state: State) -> PlanReport.Advice? {
    state.facts.plan?.advice.first { $0.target == state.method.slot.target }
  }

  /// Where the method that is advised first stands in the list; 0 without advice.
  static func advised(_ state: State) -> Int {
    let name = advice(state)?.firstMethod(of: state.catalog.methods)?.name
    return methods(state).firstIndex { $0.name == name } ?? 0
  }

  /// A method as it goes into the recipe: with the plan's bits, or its own without a plan.
  static func choice(of method: MethodDescription, _ state: State) -> MethodChoice {
    advice(state)?.choice(of: method) ?? MethodChoice(sayingStandardsOf: method)
  }

  /// The exception under the cursor, while that pane has the keyboard.
  static func exception(_ state: State) -> Int? {
    guard state.method.pane == .slots, let index = state.method.exception,
      state.choices.recipe.exceptions.indices.contains(index)
    else { return nil }
    return index
  }

  /// Puts a choice into the recipe; exceptions go with the last method that has layers.
  static func use(_ choice: MethodChoice?, _ state: inout State) -> [Effect] {
    state.choices.recipe[state.method.slot] = choice
    if state.choices.recipe.weights == nil, state.choices.recipe.activations == nil {
      state.choices.recipe.exceptions = []
    }
    if state.method.linksCaches, state.method.slot.target == .kvCache {
      state.choices.recipe.keys = choice
      state.choices.recipe.values = choice
    }
    return state.reassess()
  }

  package static func step(_ state: State) -> Step? {
    guard state.facts.model != nil else { return .go("open a model first", to: ModelScreen.id) }
    let recipe = state.choices.recipe
    if let method = chosen(state), recipe[state.method.slot]?.method != method.name,
      state.method.pane == .methods
    {
      return Step("use \(method.title)") { state in
        use(choice(of: method, state), &state)
      }
    }
    guard !recipe.isBaseline else { return nil }
    if let problem = state.facts.assessment?.problems.first {
      return Step("see what is wrong") { state in
        state.say(.problem, problem)
        return []
      }
    }
    return Step("quantize") { state in
      let effects = state.start(
        QuantizeJob(
          recipe: state.choices.recipe, calibration: state.choices.calibration,
          keeping: .automatic))
      return effects + state.show(CalibrateScreen.id)
    }
  }

  package static func focus(_ direction: Int, _ state: inout State) {
    let count = View.Pane.allCases.count
    let next = (state.method.pane.rawValue + direction + count) % count
    state.method.pane = View.Pane(rawValue: next) ?? .methods
  }

  package static func move(_ motion: Motion, _ state: inout State) -> [Effect] {
    switch state.method.pane {
    case .slots:
      let slots = Slot.allCases
      let index =
        exception(state).map { slots.count + $0 } ?? slots.firstIndex(of: state.method.slot) ?? 0
      let next = motion.moved(index, count: slots.count + state.choices.recipe.exceptions.count)
      state.method.exception = next < slots.count ? nil : next - slots.count
      guard next < slots.count else { return [] }
      state.method.slot = slots[next]
      state.method.selected = 0
      state.method.option = 0
    case .methods:
      state.method.selected = motion.moved(state.method.selected, count: methods(state).count)
      state.method.option = 0
    case .options:
      let settings = settings(state)
      if motion.horizontal != 0, settings.indices.contains(state.method.option) {
        return settings[state.method.option].step(&state, motion.horizontal)
      }
      state.method.option = motion.moved(state.method.option, count: settings.count)
    }
    return []
  }

  package static func appeared(_ state: inout State) -> [Effect] {
    state.facts.assessment == nil ? state.reassess() : []
  }

  package static func draw(
    _ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    let left = rect.width >= 120 ? 52 : rect.width * 2 / 5
    let columns = rect.columns([.fixed(left), .fill()])
    let exceptions = min(state.choices.recipe.exceptions.count, rect.height >= 28 ? 8 : 3)
    let rows = columns[0].rows([.fixed(7 + exceptions), .fill()])
    RecipePanel(state: state).draw(in: rows[0], of: &buffer, look: look)
    MethodPanel(state: state).draw(in: rows[1], of: &buffer, look: look)
    let price = PricePanel(state: state)
    let cost = min(price.height(forWidth: columns[1].width - 4) + 2, max(7, rect.height / 3))
    let options = min(
      max(5, settings(state).count + 6), (rect.height - cost) * 11 / 20)
    let right = columns[1].rows([.fixed(options), .fixed(cost), .fill()])
    OptionPanel(state: state).draw(in: right[0], of: &buffer, look: look)
    price.draw(in: right[1], of: &buffer, look: look)
    CoveragePanel(state: state).draw(in: right[2], of: &buffer, look: look)
  }
}
