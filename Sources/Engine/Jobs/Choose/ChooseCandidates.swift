import Models
import Operators
import Planning
import Quantization
import Tensors

/// What is tried: the methods of the targets that the plan gains by, each in the form the plan thinks of, as recipes.
struct ChooseCandidates {
  /// Targets whose gain is at least this share of the best target's are tried too.
  private static let worthwhile = 0.25

  let plan: PlanReport
  /// The advised one first.
  let targets: [QuantizationTarget]
  let recipes: [Recipe]

  /// - Parameter shape: of the open model; groups of weights must divide its layers.
  init(_ plan: PlanReport, shape: ModelShape) {
    self.plan = plan
    let over = plan.memory.total - plan.memory.budget
    func gain(_ advice: PlanReport.Advice) -> Double {
      over > 0 ? advice.effect?.freed ?? 0 : advice.effect?.saved ?? 0
    }
    let best = plan.advice.first.map(gain) ?? 0
    let tried = plan.advice.enumerated().filter { place, advice in
      place == 0 || gain(advice) > 0 && gain(advice) >= Self.worthwhile * best
    }.map(\.element)
    targets = tried.map(\.target)
    recipes = tried.flatMap { advice in
      Self.recipes(advice, group: OutlierLabRecipes.group(dividing: shape))
    }.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
  }

  private static func recipes(_ advice: PlanReport.Advice, group: Int?) -> [Recipe] {
    let methods = QuantizationMethods.descriptions(for: advice.target)
    let ranked = advice.methods.compactMap { name in methods.first { $0.name == name } }
    let unranked = methods.filter { method in !ranked.contains { $0.name == method.name } }
    // Plain rounding first, so that each other method is seen to earn its price even where time is short.
    let isPlain = { (method: MethodDescription) in
      method.name == RoundToNearestMethod.describes.name
    }
    let all = ranked + unranked
    return (all.filter(isPlain) + all.filter { !isPlain($0) }).flatMap { method -> [Recipe] in
      var choices = [advice.choice(of: method)]
      // Eight bits are what a quality limit falls back on; all methods round alike there, so that one is enough.
      if advice.target == .weights, method.name == RoundToNearestMethod.describes.name {
        choices.append(
          MethodChoice(
            RoundToNearestMethod.self, RoundToNearestMethod.bits(8),
            RoundToNearestMethod.group(-1)))
      }
      return choices.map { choice in
        switch advice.target {
        case .weights: Recipe(weights: fitted(choice, group))
        case .activations: Recipe(activations: choice)
        case .kvCache: Recipe(keys: choice, values: choice)
        }
      }
    }
  }

  /// A choice whose group of weights divides the layers.
  private static func fitted(_ choice: MethodChoice, _ group: Int?) -> MethodChoice {
    guard case .integer(let asked)? = choice.options["group"], asked > 0 else { return choice }
    var choice = choice
    choice.options["group"] = .integer(group.map { min($0, asked) } ?? -1)
    return choice
  }

  /// The cache of one recipe with the layers of another: for two targets that both bind.
  static func joined(_ layers: Recipe, _ cache: Recipe) -> Recipe {
    var joined = layers
    joined.keys = cache.keys
    joined.values = cache.values
    return joined
  }
}
