import Engine
import Models
import Operators
import Planning
import Quantization
import TerminalUI
import Testing
import Workbench

/// What somebody said stays as it was said: in the state, in a session, and in a replay of it.
@Suite struct ExactStateTests {
  /// Damping of more than four digits, typed key by key: the price comes, and Enter leads on.
  @Test func aTypedOptionOfManyDigitsIsPricedAndQuantized() {
    var play = Play()
    play.send(.launch(model: nil))
    play.press("3", "enter", "tab", "down", "down", "down")
    #expect(play.screen().contains("damping"))
    play.press("e", "ctrl+u", "0.012345", "enter")
    #expect(play.state.overlay == nil)
    let damping = play.state.choices.recipe.weights?.options["damping"]
    #expect(damping == .decimal(0.012345))
    #expect(play.state.facts.assessment?.recipe == play.state.choices.recipe)
    #expect(!play.screen().contains("Being worked out"))
    #expect(play.screen().contains("about 48 s"))
    play.press("enter")
    #expect(play.state.screen == CalibrateScreen.id)
    #expect(play.state.facts.quantized?.recipe == play.state.choices.recipe)
    play.press("enter")
    #expect(play.state.screen == HeatmapScreen.id, "what was quantized is what was chosen")
    #expect(
      play.effects.contains { effect in
        guard case .run(_, let request) = effect else { return false }
        return (request.job as? QuantizeJob)?.recipe == play.state.choices.recipe
      })
  }

  /// Numbers with as many digits as a double has, the same ones in every run.
  private struct Digits {
    var seed: UInt64

    mutating func next() -> Double {
      seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Double(seed >> 11) / Double(1 << 53)
    }
  }

  /// A value that the option allows, of every digit where it is a decimal.
  private static func value(_ spec: OptionSpec, _ digits: inout Digits) -> OptionValue {
    switch spec.kind {
    case .integer(let lowest, let highest, let listed):
      if let one = listed.randomElement(digits.next()) { return .integer(one) }
      return .integer(lowest + Int(digits.next() * Double(min(highest - lowest, 1 << 20))))
    case .decimal(let lowest, let highest):
      // Whole ones too: JSON writes 1.0 as 1.
      if digits.next() < 0.2 { return .decimal(min(highest, 1e6).rounded()) }
      return .decimal(lowest + digits.next() * (min(highest, 1e9) - lowest))
    case .flag: return .flag(digits.next() < 0.5)
    case .choice(let names): return .choice(names.randomElement(digits.next()) ?? "")
    }
  }

  /// Recipes over all methods of a target, with every option of each said.
  private static func recipes(_ target: QuantizationTarget, _ digits: inout Digits) -> [Recipe] {
    QuantizationMethods.descriptions(for: target).map { method in
      var choice = MethodChoice(method: method.name)
      for spec in method.options { choice.options[spec.key] = value(spec, &digits) }
      switch target {
      case .weights: return Recipe(weights: choice)
      case .activations: return Recipe(activations: choice)
      case .kvCache: return Recipe(keys: choice, values: choice)
      }
    }
  }

  @Test(arguments: QuantizationTarget.allCases)
  func everyOptionOfEveryMethodSurvivesSendAndSession(_ target: QuantizationTarget) throws {
    var digits = Digits(seed: 7)
    var decimals = 0
    for _ in 0..<8 {
      for recipe in Self.recipes(target, &digits) {
        let choices = [recipe.weights, recipe.activations, recipe.keys].compactMap { $0 }
        decimals += choices.flatMap { $0.options.values }.count {
          if case .decimal(let value) = $0 { "\(value)".count > 8 } else { false }
        }
        var state = State()
        state.facts[LoadJob.self] = SampleRun.summary
        state.choices.recipe = recipe
        let effects = state.reassess()
        guard case .run(let id, _) = effects.first else {
          Issue.record("nothing was priced")
          return
        }
        var store = Store(state: state)
        let answer = Message.job(
          event: .finished(id: id, AssessJob.self, SampleRun.assessment(recipe)))
        _ = store.send(answer, at: 5)
        #expect(store.state.facts.assessment?.recipe == recipe)
        let session = try Session(parsing: StoreTests.file(store.journal), path: "exact")
        #expect(session.lines.map(\.item) == [.message(answer)])
      }
    }
    #expect(decimals > (target == .kvCache ? -1 : 8), "decimals of many digits were tried")
  }

  @Test func aWholeNumberIsPricedToo() {
    var play = Play()
    play.send(.launch(model: nil))
    play.press("3", "enter", "tab", "down", "down", "down", "e", "ctrl+u", "1", "enter")
    #expect(play.state.choices.recipe.weights?.options["damping"] == .decimal(1))
    #expect(play.state.facts.assessment?.recipe == play.state.choices.recipe)
    #expect(OptionValue.decimal(0.5) != .integer(0) && OptionValue.flag(true) != .integer(1))
  }

  @Test func methodsAndMachinesOfTheCatalogAreExact() throws {
    let spec = OptionSpec(
      key: "x", summary: "X.", kind: .decimal(lowest: 0.000123456789, highest: 9.87654321),
      standard: .decimal(0.1234567891))
    let method = MethodDescription(
      name: "m", title: "M", summary: "M.", target: .weights, calibration: .none, options: [spec])
    var machine = SampleRun.peaks
    machine.readBandwidth = 1.23456789e11 + 0.5
    for part in [CatalogPart.methods(descriptions: [method]), .machines(peaks: [machine])] {
      var store = Store()
      _ = store.send(.catalog(part: part), at: 1)
      let session = try Session(parsing: StoreTests.file(store.journal), path: "exact")
      #expect(session.lines.map(\.item) == [.message(.catalog(part: part))])
      #expect(store.state.catalog.methods.first ?? method == method)
      #expect(store.state.catalog.machines.first ?? machine == machine)
    }
  }

  @Test func aWorkloadComesBackFromThePlanAsItWasTyped() {
    var state = State()
    state.facts[LoadJob.self] = SampleRun.summary
    state.choices.workload.memoryBudget = 23.456789e9 + 0.25
    state.choices.workload.sharedPrefix = 0.123456789
    guard case .run(let id, _) = state.replan().first else {
      Issue.record("nothing was planned")
      return
    }
    let workload = state.choices.workload
    var store = Store(state: state)
    _ = store.send(
      .job(event: .finished(id: id, PlanJob.self, SampleRun.plan(workload))), at: 1)
    #expect(store.state.facts.plan?.workload == workload)
  }

  /// Editing a field and leaving it as it stands changes nothing.
  @Test func whatIsOpenedForTypingHasEveryDigit() {
    var play = Play()
    play.send(.launch(model: nil))
    play.press("B", "e", "ctrl+u", "3.14159", "enter")
    #expect(play.state.choices[BudgetScreen.self].bits == 3.14159)
    play.press("e", "enter")
    #expect(play.state.choices[BudgetScreen.self].bits == 3.14159)
  }

  /// Measurements are short in the state as in the session, so that a replay ends where the program did.
  @Test func measurementsAreShortInBoth() throws {
    var play = Play.walk()
    play.press("5", "enter")
    let session = try Session(parsing: StoreTests.file(play.store.journal), path: "walk")
    var replayed = State(size: Size(width: 100, height: 30))
    for line in session.lines {
      if case .message(let message) = line.item { _ = update(&replayed, message) }
    }
    let isSame = replayed == play.state
    #expect(isSame)
    let error = play.state.facts.quantized?.layers[3].relativeError ?? 0
    #expect(error != SampleRun.layers[3].relativeError)
    #expect(abs(error / SampleRun.layers[3].relativeError - 1) < 0.0006)
  }
}

extension Array {
  /// The element at a share of the way.
  fileprivate func randomElement(_ share: Double) -> Element? {
    isEmpty ? nil : self[Swift.min(count - 1, Int(share * Double(count)))]
  }
}
