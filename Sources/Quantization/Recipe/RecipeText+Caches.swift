import Models

extension RecipeText {
  /// Reads a cache: `METHOD[:BITS[:GROUP]]` with options ` KEY=VALUE` behind it, or two of them with a slash between, keys
  /// first; `fp16` leaves a side as it is.
  ///
  /// - Throws: `QuantizationError` that names what is wrong.
  package static func cache(_ text: String) throws -> Recipe {
    let sides = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard (1...2).contains(sides.count), !sides.contains("") else {
      throw QuantizationError.malformedChoice(
        text: text, expected: "METHOD[:BITS[:GROUP]], or KEYS/VALUES, each such a method or fp16")
    }
    var recipe = Recipe()
    recipe.keys = try side(sides[0], "kv-key") { $0.keys }
    recipe.values = try side(sides[sides.count - 1], "kv-value") { $0.values }
    try recipe.validate()
    return recipe
  }

  /// One side with its options.
  private static func side(
    _ text: String, _ target: String, _ choice: (Recipe) -> MethodChoice?
  ) throws -> MethodChoice? {
    let words = text.split(separator: " ").map(String.init)
    guard let method = words.first, !["fp16", "f16", "fp"].contains(method.lowercased()) else {
      return nil
    }
    let made = try self.scheme(method)?.keys ?? self.choice(method, target: .kvCache)
    var recipe = Recipe(keys: made, values: made)
    for option in words.dropFirst() { try set("\(target).\(option)", in: &recipe) }
    return choice(recipe)
  }
}
