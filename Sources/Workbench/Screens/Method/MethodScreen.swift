import Engine
package import Models
import Planning
package import Quantization
package import TerminalUI

/// The recipe: one method a target, its options, its price before it runs, and who runs the result natively.
package enum MethodScreen: Screen {
  package static let id = Place.method
  package static let title = "Method"
  package static let question =
    "Which method for each target, at what price, and which runtimes run the result natively?"

  /// The part of the recipe that is chosen for, and the cursors of the three panes.
  package struct View: Filtered {
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
    /// The recipe file that was opened or written last.
    package var file = "recipe.toml"
    /// The cursor was put on what is advised, and stays there when the screen appears.
    package var isOnAdvice = false
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

  package static let shortcut = Shortcut("3")
  package static let isInWalk = true

  package static func isDone(_ state: State) -> Bool {
    state.facts.holdsCandidate || !state.choices.recipe.isBaseline
  }

  package static let bindings: [Binding] = [
    Binding(
      "space", "u", name: "use it", help: "Take the chosen method into the recipe.", isHint: true,
      unless: { chosen($0) == nil ? "No method is chosen: Tab goes to the list" : nil }
    ) {
      state in
      guard let method = chosen(state) else { return [] }
      return take(method, &state)
    },
    Binding(
      "f", name: "back to FP",
      help: "Take the method out: this target stays FP. On an exception: take that out.",
      isHint: true, unless: { nothingToTakeOut($0) }
    ) { state in
      if let index = exception(state) {
        state.choices.recipe.exceptions.remove(at: index)
        return state.reassess()
      }
      return use(nil, &state)
    },
    Binding(
      "e", name: "type a value", help: "Type the value of the chosen option.",
      unless: { cannotType($0[MethodScreen.self].option, $0) }
    ) { state in
      state[MethodScreen.self].pane = .options
      return typeValue(state[MethodScreen.self].option, &state)
    },
    Binding(
      "=", name: "link K and V", help: "Choose keys and values together, or apart.",
      unless: {
        $0[MethodScreen.self].slot.target == .kvCache
          ? nil : "Only for the cache: Tab goes to the recipe, where keys and values are"
      }
    ) { state in
      state[MethodScreen.self].linksCaches.toggle()
      state.say(
        .information,
        state[MethodScreen.self].linksCaches
          ? "Keys and values are chosen together" : "Keys and values are chosen apart")
      return []
    },
    Binding(
      "o", name: "open a recipe", help: "Read a recipe from a TOML file, in place of this one."
    ) { state in
      state.edit(prompts(state).first)
      return []
    },
    Binding(
      "w", name: "write the recipe",
      help: "Write the recipe to a TOML file, which --recipe and this screen read.",
      unless: {
        $0.choices.recipe.isBaseline ? "The recipe is empty: there is nothing to write" : nil
      }
    ) { state in
      state.edit(prompts(state).last)
      return []
    },
    filterBinding,
  ]

  /// Why there is nothing that x could take out.
  private static func nothingToTakeOut(_ state: State) -> String? {
    guard exception(state) == nil else { return nil }
    let slot = state[MethodScreen.self].slot
    return state.choices.recipe[slot] == nil
      ? "Nothing is chosen for \(slot.words): it is FP already" : nil
  }

  /// The methods of the slot that the filter lets through, in the order of the plan; what it does not rank comes last.
  static func methods(_ state: State) -> [MethodDescription] {
    let found = state.catalog.methods.filter {
      $0.target == state[MethodScreen.self].slot.target
        && "\($0.name) \($0.title) \($0.summary) \($0.aliases.joined(separator: " "))"
          .satisfies(filter: state[MethodScreen.self].filter)
    }
    let ranked = advice(state)?.methods ?? []
    return found.enumerated().sorted { one, other in
      let places = [one, other].map { ranked.firstIndex(of: $0.element.name) ?? ranked.count }
      return (places[0], one.offset) < (places[1], other.offset)
    }.map(\.element)
  }

  /// The recipe with the method under the cursor in it: what the price is of.
  static func priced(_ state: State) -> Recipe {
    let view = state[MethodScreen.self]
    var recipe = state.choices.recipe
    guard state.screen == id, view.pane == .methods, let method = chosen(state),
      recipe[view.slot]?.method != method.name
    else { return recipe }
    let choice = choice(of: method, state)
    recipe[view.slot] = choice
    if view.linksCaches, view.slot.target == .kvCache {
      recipe.keys = choice
      recipe.values = choice
    }
    return recipe
  }

  /// Prices what is under the cursor now, unless that is what was priced last.
  private static func reprice(_ state: inout State) -> [Effect] {
    let recipe = priced(state)
    return state.facts.job(AssessJob.self)?.recipe == recipe ? [] : state.reassess(recipe)
  }

  static func chosen(_ state: State) -> MethodDescription? {
    let methods = methods(state)
    return methods.indices.contains(state[MethodScreen.self].selected)
      ? methods[state[MethodScreen.self].selected] : nil
  }

  /// What the plan advises for the target that is chosen for.
  private static func advice(_ state: State) -> PlanReport.Advice? {
    state.facts.plan?.advice.first { $0.target == state[MethodScreen.self].slot.target }
  }

  /// Where the method that is advised first stands in the list; 0 without advice.
  static func advised(_ state: State) -> Int {
    let name = advice(state)?.firstMethod(of: state.catalog.methods)?.name
    return methods(state).firstIndex { $0.name == name } ?? 0
  }

  /// A step to this screen with the cursor on what is advised.
  ///
  /// - Parameter target: what a method is chosen for; nil for what the plan starts with.
  static func step(_ label: String, for target: QuantizationTarget? = nil) -> Step {
    Step(label) { state in
      if let target = target ?? state.facts.plan?.advice.first?.target {
        state[MethodScreen.self].show(target)
        state[MethodScreen.self].selected = advised(state)
        state[MethodScreen.self].isOnAdvice = true
      }
      state.show(Place.method)
      return []
    }
  }

  /// A method as it goes into the recipe: with the plan's bits, or its own without a plan.
  static func choice(of method: MethodDescription, _ state: State) -> MethodChoice {
    let shape = state.facts.model?.shape
    return advice(state)?.choice(of: method, for: shape)
      ?? MethodChoice(sayingStandardsOf: method, for: shape)
  }

  /// The group that a method takes of itself on the open model; nil where its scales have none, and without a model.
  static func standardGroup(of method: MethodDescription, _ state: State) -> StandardGroup? {
    guard method.target == .weights, let shape = state.facts.model?.shape else { return nil }
    return StandardGroup(of: method, for: state.choices.recipe.widths(of: shape))
  }

  /// Takes a method into the recipe, and says where its standard group gave way to the model.
  private static func take(_ method: MethodDescription, _ state: inout State) -> [Effect] {
    let choice = choice(of: method, state)
    if let fitting = standardGroup(of: method, state), let note = fitting.note,
      choice.options["group"] == .integer(fitting.group)
    {
      state.say(.information, note)
    }
    return use(choice, &state)
  }

  /// The exception under the cursor, while that pane has the keyboard.
  static func exception(_ state: State) -> Int? {
    guard state[MethodScreen.self].pane == .slots, let index = state[MethodScreen.self].exception,
      state.choices.recipe.exceptions.indices.contains(index)
    else { return nil }
    return index
  }

  /// Puts a choice into the recipe; exceptions go with the last method that has layers.
  static func use(_ choice: MethodChoice?, _ state: inout State) -> [Effect] {
    state.choices.recipe[state[MethodScreen.self].slot] = choice
    if state.choices.recipe.weights == nil, state.choices.recipe.activations == nil {
      state.choices.recipe.exceptions = []
    }
    if state[MethodScreen.self].linksCaches, state[MethodScreen.self].slot.target == .kvCache {
      state.choices.recipe.keys = choice
      state.choices.recipe.values = choice
    }
    return state.reassess()
  }

  package static func step(_ state: State) -> Step? {
    guard state.facts.model != nil else { return .openModel }
    let recipe = state.choices.recipe
    if let method = chosen(state), recipe[state[MethodScreen.self].slot]?.method != method.name,
      state[MethodScreen.self].pane == .methods
    {
      return Step("use \(method.title)") { state in take(method, &state) }
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
      state.show(Place.calibrate)
      return effects
    }
  }

  package static func standstill(_ state: State) -> String {
    "The recipe is empty: Tab goes to the methods, Space takes one"
  }

  package static func focus(_ direction: Int, _ state: inout State) {
    let count = View.Pane.allCases.count
    let next = (state[MethodScreen.self].pane.rawValue + direction + count) % count
    state[MethodScreen.self].pane = View.Pane(rawValue: next) ?? .methods
  }

  package static func move(_ motion: Motion, _ state: inout State) -> [Effect] {
    place(motion, &state) + reprice(&state)
  }

  private static func place(_ motion: Motion, _ state: inout State) -> [Effect] {
    switch state[MethodScreen.self].pane {
    case .slots:
      let slots = Slot.allCases
      let index =
        exception(state).map { slots.count + $0 } ?? slots.firstIndex(
          of: state[MethodScreen.self].slot) ?? 0
      let next = motion.moved(index, count: slots.count + state.choices.recipe.exceptions.count)
      state[MethodScreen.self].exception = next < slots.count ? nil : next - slots.count
      guard next < slots.count else { return [] }
      state[MethodScreen.self].slot = slots[next]
      state[MethodScreen.self].selected = 0
      state[MethodScreen.self].option = 0
    case .methods:
      state[MethodScreen.self].selected = motion.moved(
        state[MethodScreen.self].selected, count: methods(state).count)
      state[MethodScreen.self].option = 0
    case .options:
      return moveForm(motion, \.option, &state)
    }
    return []
  }

  package static func appeared(_ state: inout State) -> [Effect] {
    // What the recipe has is what one comes to look at, unless it is to see what is advised.
    let used = state.choices.recipe[state[MethodScreen.self].slot]?.method
    let isOnAdvice = state[MethodScreen.self].isOnAdvice
    state[MethodScreen.self].isOnAdvice = false
    if !isOnAdvice, let place = methods(state).firstIndex(where: { $0.name == used }) {
      state[MethodScreen.self].selected = place
    }
    return reprice(&state)
  }

  package static func draw(
    _ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    let left = rect.width >= 120 ? 52 : rect.width * 2 / 5
    let columns = rect.columns([.fixed(left), .fill()])
    let exceptions = min(state.choices.recipe.exceptions.count, rect.height >= 28 ? 8 : 3)
    let rows = columns[0].rows([.fixed(7 + exceptions), .fill()])
    let recipe = state.choices.recipe
    let view = state[MethodScreen.self]
    RecipePanel(
      recipe: recipe, view: view, exception: exception(state),
      baseline: state.facts.model?.baseline ?? BaselineWords()
    ).draw(
      in: rows[0], of: &buffer, look: look)
    MethodPanel(
      methods: methods(state), view: view, used: recipe[view.slot]?.method, chosen: chosen(state),
      advice: advice(state)
    ).draw(in: rows[1], of: &buffer, look: look)
    let price = PricePanel(
      price: state.facts.assessment, hasModel: state.facts.model != nil,
      baseline: state.facts.model?.baseline ?? BaselineWords(),
      isInRecipe: priced(state) == recipe)
    let cost = min(price.height(forWidth: columns[1].width - 4) + 2, max(7, rect.height / 3))
    let settings = settings(state)
    let options = min(max(5, settings.count + 6), (rect.height - cost) * 11 / 20)
    let right = columns[1].rows([.fixed(options), .fixed(cost), .fill()])
    OptionPanel(
      method: chosen(state), settings: settings,
      selected: view.pane == .options ? view.option : nil
    ).draw(in: right[0], of: &buffer, look: look)
    price.draw(in: right[1], of: &buffer, look: look)
    CoveragePanel(
      coverage: state.facts.assessment?.coverage ?? [], isBaseline: recipe.isBaseline,
      baseline: state.facts.baseline
    ).draw(in: right[2], of: &buffer, look: look)
  }
}
