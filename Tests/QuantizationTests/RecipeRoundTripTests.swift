import FoundationEssentials
import Models
import Platform
import Quantization
import Testing

/// Every recipe reads back as it was written: as a line of text, as a TOML file and as JSON.
@Suite struct RecipeRoundTripTests {
  /// Values of an option at its edges and inside.
  private static func values(_ spec: OptionSpec) -> [OptionValue] {
    switch spec.kind {
    case .integer(let lowest, let highest, let listed):
      listed.isEmpty
        ? [.integer(lowest), .integer(highest), .integer(lowest + (highest - lowest) / 3)]
        : listed.map { .integer($0) }
    case .decimal(let lowest, let highest):
      [
        .decimal(lowest), .decimal(highest), .decimal(lowest + (highest - lowest) / 3),
        spec.standard,
      ]
    case .flag: [.flag(true), .flag(false)]
    case .choice(let names): names.map { .choice($0) }
    }
  }

  /// A choice with each option alone at each of its values, and some with many options at once.
  private static func choices(_ name: String, _ options: [OptionSpec]) -> [MethodChoice] {
    var found = [MethodChoice(method: name)]
    for spec in options {
      found += values(spec).map { MethodChoice(method: name, options: [spec.key: $0]) }
    }
    var generator = SeededGenerator(seed: 4)
    for _ in 0..<20 {
      var choice = MethodChoice(method: name)
      for spec in options where Bool.random(using: &generator) {
        choice.options[spec.key] = values(spec).randomElement(using: &generator)
      }
      found.append(choice)
    }
    return found
  }

  private static func recipes() -> [Recipe] {
    var recipes = [Recipe.baseline]
    for slot in Slot.allCases {
      for method in QuantizationMethods.descriptions(for: slot.target) {
        for choice in choices(method.name, method.options) {
          var recipe = Recipe()
          recipe[slot] = choice
          recipes.append(recipe)
        }
      }
    }
    for transform in ModelTransforms.all.map({ $0.describes }) {
      recipes += choices(transform.name, transform.options).map { Recipe(transforms: [$0]) }
    }
    // Several slots at once, with all that stands next to them.
    var generator = SeededGenerator(seed: 5)
    let parts = recipes
    for _ in 0..<100 {
      var recipe = Recipe()
      for slot in Slot.allCases where Bool.random(using: &generator) {
        recipe[slot] = parts.compactMap { $0[slot] }.randomElement(using: &generator)
      }
      if Bool.random(using: &generator) { recipe.values = recipe.keys }
      for transform in ModelTransforms.names where Bool.random(using: &generator) {
        let made = parts.flatMap(\.transforms).filter { $0.method == transform }
        recipe.set(transform: transform, made.randomElement(using: &generator))
      }
      recipe.head =
        [nil, HeadChoice(bits: 8), HeadChoice(bits: 4, group: 64)]
        .randomElement(using: &generator) ?? nil
      for text in ["*.v=8", "0-1.*=4", "5.down=fp"] where Bool.random(using: &generator) {
        if let exception = try? LayerException(text) { recipe.exceptions.append(exception) }
      }
      recipes.append(recipe)
    }
    return recipes
  }

  @Test func everyRecipeReadsBack() throws {
    var count = 0
    for recipe in Self.recipes() {
      // Options that do not go together, or a factor that is no power of two, are no recipe.
      guard (try? recipe.validate()) != nil else { continue }
      count += 1
      let text = RecipeText.text(of: recipe)
      #expect(try RecipeText.recipe(text) == recipe, "\(text)")
      let file = RecipeFile.text(of: recipe)
      #expect(try RecipeFile.recipe(file, path: "made.toml") == recipe, "\(file)")
      let data = try JSONEncoder().encode(recipe)
      #expect(
        try JSONDecoder().decode(Recipe.self, from: data) == recipe,
        "\(String(decoding: data, as: UTF8.self))")
    }
    #expect(count > 500)
  }

  @Test func transformsStandInTheirOrder() throws {
    let recipe = try RecipeText.recipe("rotate=3:heads plant=8:32:1 weights=rtn:4:128")
    #expect(recipe.transforms.map(\.method) == ["plant", "rotate"])
    #expect(
      recipe.transform(OutlierPlanting.self) == OutlierPlanting(channels: 8, factor: 32, seed: 1))
    #expect(recipe.transform(ResidualRotation.self) == ResidualRotation(seed: 3, turnsHeads: true))
    #expect(
      "\(recipe)"
        == "8 channels x32 planted, seed 1 + rotated, heads too, seed 3 + weights rtn:4:128")
    #expect(!recipe.isBaseline && !recipe.staysFloat)
    let turned = try RecipeText.recipe("rotate=0")
    #expect("\(turned)" == "rotated")
    #expect(!turned.isBaseline && turned.staysFloat)
    #expect(try RecipeText.recipe("plant=8:1").isBaseline)
    #expect(try RecipeText.recipe("").isBaseline)
  }

  @Test func oldJSONIsRead() throws {
    let old = Data(
      #"{"keys":{"method":"int8","options":{}},"weights":{"method":"rtn","options":{"bits":4}}}"#
        .utf8)
    let recipe = try JSONDecoder().decode(Recipe.self, from: old)
    #expect(recipe.transforms.isEmpty)
    #expect(recipe.weights?.options == ["bits": .integer(4)])
    #expect(recipe.keys?.method == "int8" && recipe.values == nil)
    let plain = try JSONEncoder().encode(recipe)
    #expect(!String(decoding: plain, as: UTF8.self).contains("transforms"))
  }

  @Test(arguments: [
    "weights", "weights=nosuch", "nosuch=4", "weights.bits=4", "plant=8", "plant=8:3",
    "rotate=left", "plant.turns=3", "layer=5", "head=5", "weights=rtn weights.bits=five",
    "activations=int8/int8",
  ])
  func whatIsNoRecipeIsRefused(_ text: String) {
    #expect(throws: (any Error).self) { try RecipeText.recipe(text) }
  }

  /// One grammar: an option of any command, a word of a text.
  @Test func slotsTakeTheSameWords() throws {
    func made(_ text: String, _ key: String, from start: Recipe = Recipe()) throws -> Recipe {
      var recipe = start
      try RecipeText.put(text, for: key, into: &recipe)
      return recipe
    }
    let rtn = MethodChoice(method: "rtn", options: ["bits": .integer(3), "mse": .flag(true)])
    #expect(try made("rtn:3 mse=true", "weights").weights == rtn)
    #expect(try made("fp", "weights", from: Recipe(weights: rtn)).isBaseline)
    #expect(try made("W4A8", "weights").activations?.method == "int8")
    #expect(try made("W8A8", "activations").activations?.method == "int8")
    let mixed = try made("int8/int4:64", "kv")
    #expect(mixed.keys?.method == "int8")
    #expect(mixed.values == MethodChoice(method: "int4", options: ["group": .integer(64)]))
    for name in ["fp", "fp16", "f16", "FP16"] {
      #expect(try made(name, "kv", from: mixed).isBaseline)
      #expect(try made(name, "kv-key", from: mixed).keys == nil)
    }
    #expect(try made("KV8", "kv").values?.method == "int8")
    for (text, key) in [
      ("int8/int4", "kv-key"), ("KV8", "weights"), ("W4A16", "activations"), ("", "weights"),
      ("rtn/rtn", "weights"), ("int8", "cache"), ("fp mse=true", "weights"),
    ] {
      #expect(throws: QuantizationError.self, "\(key) \(text)") { try made(text, key) }
    }
  }
}
