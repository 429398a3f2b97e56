/// Whole recipes under the names people type for them: `W4A16`, `FP8_DYNAMIC`, `KV8`.
enum Schemes {
  /// In capitals; `FP8` in small letters is the method, with its own defaults.
  static let all: [(names: [String], recipe: Recipe)] = [
    (["W8A16", "W8"], Recipe(weights: rounded(8, -1))),
    (["W4A16", "W4"], Recipe(weights: rounded(4))),
    (
      ["W4A16_ASYM"],
      Recipe(
        weights: MethodChoice(
          RoundToNearestMethod.self, RoundToNearestMethod.bits(4),
          RoundToNearestMethod.symmetric(false)))
    ),
    (["W3A16", "W3"], Recipe(weights: rounded(3))),
    (["W2A16", "W2"], Recipe(weights: rounded(2, 64))),
    (["W8A8", "INT8"], Recipe(activations: MethodChoice(Int8Activations.self))),
    (["SMOOTHQUANT", "SQ"], Recipe(activations: MethodChoice(SmoothQuantMethod.self))),
    (
      ["LLM.INT8", "LLM.INT8()", "LLM_INT8", "LLMINT8"],
      Recipe(activations: MethodChoice(LLMInt8Method.self))
    ),
    (["FP8_DYNAMIC"], Recipe(activations: MethodChoice(FP8Method.self))),
    (["FP8"], fp8(.tensor, .fixed)),
    (["FP8_BLOCK"], fp8(.block, .token)),
    (
      ["W4A8"],
      Recipe(weights: rounded(4), activations: MethodChoice(Int8Activations.self))
    ),
    (["KV8"], cache(MethodChoice(cache: Int8KVCache.self))),
    (["KV4"], cache(MethodChoice(cache: Int4KVCache.self))),
    (["BASELINE", "BF16", "FP"], .baseline),
  ]

  /// Groups that are RTN's own are left open, so that they fit the model.
  private static func rounded(_ bits: Int) -> MethodChoice {
    MethodChoice(RoundToNearestMethod.self, RoundToNearestMethod.bits(bits))
  }

  private static func rounded(_ bits: Int, _ group: Int) -> MethodChoice {
    MethodChoice(
      RoundToNearestMethod.self, RoundToNearestMethod.bits(bits), RoundToNearestMethod.group(group))
  }

  private static func fp8(
    _ weights: ActivationOptions.WeightScales, _ scaling: ActivationChoice.Scaling
  ) -> Recipe {
    Recipe(
      activations: MethodChoice(
        FP8Method.self, FP8Method.weightScales(weights), FP8Method.scaling(scaling)))
  }

  private static func cache(_ choice: MethodChoice) -> Recipe {
    Recipe(keys: choice, values: choice)
  }
}

extension RecipeText {
  /// The scheme of a name; nil for an unknown one.
  package static func scheme(_ name: String) -> Recipe? {
    let wanted = name.uppercased()
    // In small letters it is the method.
    guard wanted != "FP8" || name != name.lowercased() else { return nil }
    return Schemes.all.first { $0.names.contains(wanted) }?.recipe
  }
}
