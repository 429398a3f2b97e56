import Models
import Quantization
import Testing

/// A group that nobody chose gives way to the model, one that somebody chose does not.
@Suite struct StandardGroupTests {
  private func widths(_ columns: Int...) -> [StandardGroup.Width] {
    columns.enumerated().map { .init(layer: "layer \($0)", columns: $1) }
  }

  private func fitted(
    _ text: String, _ widths: [StandardGroup.Width]
  ) throws -> (text: String, note: String?) {
    let found = try RecipeText.recipe("weights=" + text).fitted(to: widths)
    return ("\(found.recipe)", found.note)
  }

  @Test func theNearestThatDividesAllLayersIsTaken() throws {
    let found = try fitted("rtn", widths(576, 1536))
    #expect(found.text == "weights rtn:4:64")
    #expect(
      found.note
        == "RTN's standard group of 128 does not divide the 576 input channels of layer 0: groups of 64, the nearest that "
        + "divide all layers, are taken")
    #expect(try fitted("gptq:3", widths(576, 96)).text == "weights gptq:3:32")
    let fits = try fitted("awq", widths(256, 512))
    #expect(fits.text == "weights awq:4:128" && fits.note == nil)
    #expect(try fitted("hqq", widths(256)).text == "weights hqq:4:64")
  }

  @Test func whereNoGroupDividesARowHasOneScale() throws {
    let found = try fitted("rtn:3", widths(64, 36))
    #expect(found.text == "weights rtn:3:channel")
    #expect(found.note?.contains("the 64 input channels") == true)
    #expect(found.note?.hasSuffix("one scale a row (channel) is taken") == true)
  }

  @Test func whatWasChosenStaysOrIsRefused() throws {
    #expect(try fitted("rtn:4:32", widths(576, 96)).text == "weights rtn:4:32")
    #expect(try fitted("rtn:4:channel", widths(36)).text == "weights rtn:4:channel")
    #expect(try fitted("rtn:8:tensor", widths(36)).text == "weights rtn:8:tensor")
    // The way out goes for every layer, not only for the first that is in the way.
    #expect(
      throws: QuantizationError.groupDoesNotDivide(
        layer: "layer 0", columns: 576, group: 128, nearest: 32)
    ) { try fitted("rtn:4:128", widths(576, 96)) }
    #expect(
      throws: QuantizationError.groupDoesNotDivide(
        layer: "layer 1", columns: 36, group: 32, nearest: nil)
    ) { try fitted("rtn:4:32", widths(64, 36)) }
    let words =
      "\(QuantizationError.groupDoesNotDivide(layer: "q", columns: 36, group: 32, nearest: nil))"
    #expect(words.contains("but channel, one scale for a whole row"))
  }

  @Test func whatHasNoGroupsIsAsItWas() throws {
    let recipe = try RecipeText.recipe("activations=int8 kv=int4")
    let found = try recipe.fitted(to: widths(36))
    #expect(found.recipe == recipe && found.note == nil)
  }

  /// Schemes leave the group open that is the method's own.
  @Test func schemesFitTheModel() throws {
    let scheme = try #require(RecipeText.scheme("W4A16"))
    #expect(try "\(scheme.fitted(to: widths(576)).recipe)" == "weights rtn:4:64")
    #expect(try "\(scheme.fitted(to: widths(512)).recipe)" == "weights rtn:4:128")
  }
}
