import ArgumentParser
import Quantization

/// What is made of the whole model before anything else: part of the recipe.
struct TransformOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Plant outliers without changing what the model computes: multiply CHANNELS of each norm by FACTOR, a power of two.",
      valueName: "CHANNELS:FACTOR[:SEED[:EVERY]]"))
  var plant: String?

  @Option(
    defaultAsFlag: "0",
    help: ArgumentHelp(
      "Rotate the residual stream, folded into the weights, without changing what the model computes: SEED chooses the signs of a Hadamard matrix, :heads rotates each head of values too.",
      valueName: "SEED[:heads]"))
  var rotate: String?

  @Option(
    help: ArgumentHelp(
      "A transform of the whole model by its name: \(Self.usages); 'none' takes one of the recipe file out.",
      valueName: "NAME=TEXT"))
  var transform: [String] = []

  private static var usages: String {
    ModelTransforms.all.map { "\($0.describes.name)=\($0.describes.usage)" }.joined(separator: ", ")
  }

  func validate() throws {
    var recipe = Recipe()
    try put(into: &recipe)
  }

  /// Puts the transforms into a recipe, in place of those of their kind.
  ///
  /// - Throws: `ValidationError` that names the option.
  func put(into recipe: inout Recipe) throws {
    var given = [("--plant", "plant", plant), ("--rotate", "rotate", rotate)]
    for text in transform {
      let sides = text.split(separator: "=", maxSplits: 1).map(String.init)
      guard sides.count == 2 else {
        throw ValidationError("--transform: expected NAME=TEXT, found '\(text)'")
      }
      given.append(("--transform", sides[0], sides[1]))
    }
    for (option, name, text) in given {
      guard let text else { continue }
      do {
        try RecipeText.transform(text, named: name, into: &recipe)
      } catch {
        throw ValidationError("\(option): \(error)")
      }
    }
  }
}
