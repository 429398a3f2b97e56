import Models
import Quantization
import Testing

@Suite struct RecipeTextTests {
  @Test func bitsAndGroup() throws {
    let choice = try RecipeText.choice("rtn:3:64", target: .weights)
    #expect(choice.options == ["bits": .integer(3), "group": .integer(64)])
    #expect("\(choice)" == "rtn:3:64")
  }

  @Test func cacheMethodsAreFoundByWidth() throws {
    #expect(try RecipeText.choice("q8_0", target: .kvCache).method == "int8")
    #expect(try RecipeText.choice("int:4:64", target: .kvCache).options["group"] == .integer(64))
    let choice = try RecipeText.choice("int4:64", target: .kvCache)
    #expect("\(choice)" == "int4:64")
    #expect(throws: QuantizationError.self) {
      _ = try RecipeText.choice("int4:64:3", target: .kvCache)
    }
  }

  @Test func errorsNameWhatIsKnown() {
    #expect {
      _ = try RecipeText.choice("nosuch:4", target: .weights)
    } throws: { "\($0)".contains("rtn") && "\($0)".contains("nosuch") }
    #expect {
      _ = try RecipeText.choice("rtn:5", target: .weights)
    } throws: { "\($0)".contains("2, 3, 4, 8") }
    #expect(throws: QuantizationError.self) {
      _ = try RecipeText.choice("rtn:4:128:9", target: .weights)
    }
  }

  @Test func schemesPeopleType() {
    #expect(RecipeText.scheme("W4A16")?.weights?.method == "rtn")
    #expect(RecipeText.scheme("w8a8")?.activations?.method == "int8")
    #expect(RecipeText.scheme("NVFP4") == nil)
  }

  @Test func optionsAreSetByAliasToo() throws {
    var recipe = Recipe(weights: MethodChoice(method: "rtn"))
    try RecipeText.set("weights.q_group_size=32", in: &recipe)
    try RecipeText.set("weights.mse=true", in: &recipe)
    #expect(recipe.weights?.options == ["group": .integer(32), "mse": .flag(true)])
    #expect(throws: QuantizationError.self) {
      try RecipeText.set("weights.bits=five", in: &recipe)
    }
    #expect(throws: QuantizationError.self) { try RecipeText.set("kv.group=32", in: &recipe) }
  }

  @Test func validationRefusesUnknownOptions() {
    let recipe = Recipe(weights: MethodChoice(method: "rtn", options: ["nosuch": .flag(true)]))
    #expect(throws: QuantizationError.self) { try recipe.validate() }
  }
}
