import FoundationEssentials
import Models
import Quantization
import Testing

@Suite struct LayerExceptionTests {
  @Test(arguments: ["5.down=fp", "*.v=8", "0-1.*=4", "*.*=2", "12.q=3"])
  func readsWhatItWrites(text: String) throws {
    #expect(try LayerException(text).description == text)
  }

  @Test(arguments: [
    "", "5.down", "5.down=", "5.down=5", "5.down=16", "down=4", "5.lm_head=4", "-1.q=4", "2-1.q=4",
    "a.q=4", "1-2-3.q=4", "5.down=fp=8", "5..down=4", "1-.q=4",
  ])
  func refusesOtherTexts(text: String) {
    #expect(throws: QuantizationError.self) { try LayerException(text) }
  }

  @Test func coversBlocksAndProjections() throws {
    let range = try LayerException("1-2.*=4")
    #expect(!range.covers(LinearID(block: 0, projection: .q)))
    #expect(range.covers(LinearID(block: 2, projection: .down)))
    let column = try LayerException("*.v=fp")
    #expect(column.covers(LinearID(block: 7, projection: .v)))
    #expect(!column.covers(LinearID(block: 7, projection: .k)))
  }

  @Test func theLastThatCoversALayerCounts() throws {
    let recipe = Recipe(
      weights: MethodChoice(method: "rtn"),
      exceptions: try ["*.v=8", "3.*=fp", "3.v=2"].map { try LayerException($0) })
    #expect(recipe.treatment(of: LinearID(block: 0, projection: .v)) == .bits(8))
    #expect(recipe.treatment(of: LinearID(block: 3, projection: .q)) == .fp)
    #expect(recipe.treatment(of: LinearID(block: 3, projection: .v)) == .bits(2))
    #expect(recipe.treatment(of: LinearID(block: 0, projection: .q)) == nil)
  }

  @Test func recipesKeepExceptionsAndOldOnesHaveNone() throws {
    let recipe = Recipe(
      weights: MethodChoice(method: "gptq", options: ["bits": .integer(3)]),
      exceptions: [try LayerException("5.down=fp")])
    let data = try JSONEncoder().encode(recipe)
    #expect(try JSONDecoder().decode(Recipe.self, from: data) == recipe)
    #expect("\(recipe)" == "weights gptq:3, 5.down=fp")
    let old = Data(#"{"weights":{"method":"rtn","options":{}}}"#.utf8)
    #expect(try JSONDecoder().decode(Recipe.self, from: old).exceptions.isEmpty)
    let plain = try JSONEncoder().encode(Recipe(weights: MethodChoice(method: "rtn")))
    #expect(!String(decoding: plain, as: UTF8.self).contains("exceptions"))
  }
}
