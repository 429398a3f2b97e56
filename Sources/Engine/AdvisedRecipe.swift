import Models
package import Planning
package import Quantization

/// What a piece of advice comes to as a recipe: the same for the workbench's Enter and for the walk without a terminal.
extension PlanReport.Advice {
  /// The method that is advised first, of those there are.
  package func firstMethod(of methods: [MethodDescription]) -> MethodDescription? {
    let offered = methods.filter { $0.target == target }
    for name in self.methods {
      if let found = offered.first(where: { $0.name == name }) { return found }
    }
    return offered.first
  }

  /// The recipe the advice starts with: its first method with the bits the plan thought of, the other targets FP; nil
  /// where there is no method for the target.
  package func recipe(of methods: [MethodDescription]) -> Recipe? {
    guard let choice = firstMethod(of: methods).map({ self.choice(of: $0) }) else { return nil }
    return switch target {
    case .weights: Recipe(weights: choice)
    case .activations: Recipe(activations: choice)
    case .kvCache: Recipe(keys: choice, values: choice)
    }
  }

  /// A method as this advice would have it: bits and group are said, so that recipes read in full, and the bits are the
  /// plan's, where it has a say in them.
  package func choice(of method: MethodDescription) -> MethodChoice {
    var choice = MethodChoice(sayingStandardsOf: method)
    guard let ranked = ranking.first(where: { $0.name == method.name }),
      let planned = ranked.codeBits ?? ranked.bits,
      let option = method.options.first(where: { $0.key == "bits" })
    else { return choice }
    let bits = option.kind.largest(upTo: planned) ?? option.standard
    choice.options["bits"] = bits
    if ranked.codeBits != nil {
      if let planned = ranked.group,
        let group = method.options.first(where: { $0.key == "group" }), group.kind.lists(planned)
      {
        choice.options["group"] = .integer(planned)
      }
      return choice
    }
    // In older reports bits with nothing for scales are those of a scale a row.
    if bits == .integer(Int(exactly: planned) ?? -1),
      let group = method.options.first(where: { $0.key == "group" }), group.kind.lists(-1)
    {
      choice.options["group"] = .integer(-1)
    }
    return choice
  }
}

extension MethodChoice {
  /// A method with its standard bits and group said out.
  package init(sayingStandardsOf method: MethodDescription) {
    let said = method.options.filter { $0.key == "bits" || $0.key == "group" }
    self.init(
      method: method.name,
      options: Dictionary(
        said.map { ($0.key, $0.standard) }, uniquingKeysWith: { first, _ in first }))
  }
}

extension OptionSpec.Kind {
  /// The largest number this takes that is no larger than `limit`; halves where it takes fractions.
  fileprivate func largest(upTo limit: Double) -> OptionValue? {
    switch self {
    case .integer(let lowest, let highest, let listed):
      let all = listed.isEmpty ? Array(lowest...max(lowest, highest)) : listed
      return all.filter { Double($0) <= limit }.max().map { .integer($0) }
    case .decimal(let lowest, let highest):
      let halves = (min(limit, highest) * 2).rounded(.down) / 2
      return halves >= lowest ? .decimal(halves) : nil
    case .flag, .choice: return nil
    }
  }

  fileprivate func lists(_ number: Int) -> Bool {
    if case .integer(_, _, let listed) = self { listed.contains(number) } else { false }
  }
}
