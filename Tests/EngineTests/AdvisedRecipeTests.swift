import Engine
import Models
import Planning
import Quantization
import Testing

/// From advice to the recipe that is run first.
@Suite struct AdvisedRecipeTests {
  private func advice(
    _ target: QuantizationTarget, _ ranking: [(name: String, bits: Double?)]
  ) -> PlanReport.Advice {
    var advice = PlanReport.Advice(
      target: target, reason: "", methods: ranking.map(\.name), wouldChange: "")
    advice.ranking = ranking.map { .init(name: $0.name, why: "", wouldChange: "", bits: $0.bits) }
    return advice
  }

  private func text(
    _ target: QuantizationTarget, _ ranking: (name: String, bits: Double?)...
  ) -> String? {
    advice(target, ranking).recipe(of: QuantizationMethods.descriptions)?.description
  }

  @Test func theFirstMethodIsTakenWithThePlansBits() {
    #expect(text(.weights, ("gptq", 4.125), ("rtn", 8)) == "weights gptq:4:128")
    #expect(text(.weights, ("rtn", 8), ("gptq", 4.125)) == "weights rtn:8:channel")
    #expect(text(.weights, ("gptq", 3.125)) == "weights gptq:3:128")
    #expect(text(.activations, ("smoothquant", nil)) == "activations smoothquant")
    #expect(text(.kvCache, ("kivi", 5)) == "KV kivi:4:32")
    #expect(text(.kvCache, ("kivi", 3)) == "KV kivi:2:32")
    #expect(text(.kvCache, ("turboquant", 3.5)) == "KV turboquant:3.5")
    #expect(text(.kvCache, ("turboquant", 4.125)) == "KV turboquant:4.0")
  }

  @Test func aMethodThatIsNotThereIsPassedOver() {
    #expect(text(.weights, ("quip", 2), ("awq", 4.125)) == "weights awq:4:128")
    #expect(advice(.weights, []).recipe(of: []) == nil)
  }

  /// Whatever a plan may advise first is a recipe that can be made.
  @Test func everyMethodGivesARecipe() throws {
    for method in QuantizationMethods.descriptions {
      for bits in [nil, 2, 2.5, 3, 3.5, 4, 4.125, 4.5, 5, 8, 8.5] {
        let recipe = advice(method.target, [(method.name, bits)])
          .recipe(of: QuantizationMethods.descriptions)
        try #require(recipe).validate()
      }
    }
  }
}
