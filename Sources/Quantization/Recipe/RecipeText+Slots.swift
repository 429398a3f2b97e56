import Models

/// What is typed for a slot: the same words in every command, in a recipe's text and in a form.
extension RecipeText {
  /// What leaves a slot in full precision.
  package static let floatNames = ["fp", "fp16", "f16", "bf16", "baseline"]

  /// Puts what is typed for a key into a recipe: `METHOD[:BITS[:GROUP]]` with options ` KEY=VALUE` after it, the name of
  /// a scheme, or `fp` for full precision; for `kv` also two of them with a slash between, keys first.
  ///
  /// A scheme for weights may bring activations along: `W4A8`.
  ///
  /// - Throws: `QuantizationError` that names what is wrong.
  package static func put(_ text: String, for key: String, into recipe: inout Recipe) throws {
    let slots = Slot.named(key)
    guard !slots.isEmpty else {
      throw QuantizationError.malformedChoice(
        text: "\(key)=\(text)", expected: "one of " + Slot.knownKeys.joined(separator: ", "))
    }
    if slots == [.weights], let scheme = Self.scheme(text), !scheme.isBaseline,
      scheme.weights != nil || scheme.activations != nil
    {
      recipe.weights = scheme.weights ?? recipe.weights
      recipe.activations = scheme.activations ?? recipe.activations
      return
    }
    let sides = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard (1...slots.count).contains(sides.count), !sides.contains("") else {
      throw QuantizationError.malformedChoice(
        text: text,
        expected: slots.count == 1
          ? "METHOD[:BITS[:GROUP]] or fp"
          : "METHOD[:BITS[:GROUP]], or KEYS/VALUES, each such a method or fp16")
    }
    for (index, slot) in slots.enumerated() {
      recipe[slot] = try choice(sides[min(index, sides.count - 1)], for: slot)
    }
  }

  /// One slot with its options; nil for full precision.
  private static func choice(_ text: String, for slot: Slot) throws -> MethodChoice? {
    let words = text.split(separator: " ").map(String.init)
    guard let method = words.first else {
      throw QuantizationError.malformedChoice(text: text, expected: "METHOD[:BITS[:GROUP]] or fp")
    }
    if floatNames.contains(method.lowercased()), words.count == 1 { return nil }
    var recipe = Recipe()
    recipe[slot] = try scheme(method)?[slot] ?? choice(method, target: slot.target)
    for option in words.dropFirst() { try set("\(slot.key).\(option)", in: &recipe) }
    return recipe[slot]
  }

  /// Reads a cache alone, both halves, as `put` does for `kv`.
  ///
  /// - Throws: `QuantizationError` that names what is wrong.
  package static func cache(_ text: String) throws -> Recipe {
    var recipe = Recipe()
    try put(text, for: Slot.cacheKey, into: &recipe)
    try recipe.validate()
    return recipe
  }
}
