import Quantization
import Testing

@Suite struct CacheTextTests {
  @Test func oneMethodIsForBothSides() throws {
    let recipe = try RecipeText.cache("int8:64")
    #expect(recipe.keys == MethodChoice(method: "int8", options: ["group": .integer(64)]))
    #expect(recipe.values == recipe.keys)
  }

  @Test func aSlashTakesSidesApart() throws {
    let recipe = try RecipeText.cache("int8 group=16/fp16")
    #expect(recipe.keys == MethodChoice(method: "int8", options: ["group": .integer(16)]))
    #expect(recipe.values == nil)
    #expect(try RecipeText.cache("fp16/int4").values?.method == "int4")
    #expect(try RecipeText.cache("fp16").isBaseline)
  }

  @Test(arguments: ["", "/", "int8/", "int8/int4/int8", "int9", "int8 wrong=1", "int8:-4"])
  func whatIsNoCacheIsRefused(text: String) {
    #expect(throws: QuantizationError.self) { try RecipeText.cache(text) }
  }
}
