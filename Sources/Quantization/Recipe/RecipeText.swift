package import Models

/// How recipes are typed: `gptq:4:128`, `int8`, `weights.mse=true`, and the names of whole schemes.
package enum RecipeText {
  /// Reads `METHOD[:BITS[:GROUP]]`.
  ///
  /// - Throws: `QuantizationError` that names what is wrong.
  package static func choice(
    _ text: String, target: QuantizationTarget
  ) throws -> MethodChoice {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    guard let name = parts.first, !name.isEmpty, parts.count <= 3 else {
      throw QuantizationError.malformedChoice(text: text, expected: "METHOD[:BITS[:GROUP]]")
    }
    let keys = ["bits", "group"]
    // `int:4` is `int4`: a method for each width is told by its name.
    if parts.count > 1,
      let fused = try? QuantizationMethods.description(of: name + parts[1], target: target)
    {
      return try fill(
        fused, values: parts.dropFirst(2).map { ("group", $0) }, text: text)
    }
    let description = try QuantizationMethods.description(of: name, target: target)
    // A method whose name tells its width takes the group at once: `int4:64`.
    let own = keys.filter { key in description.options.contains { $0.key == key } }
    guard parts.count - 1 <= own.count else {
      throw QuantizationError.malformedChoice(
        text: text, expected: ([description.name.uppercased()] + own).joined(separator: "[:") + "]")
    }
    return try fill(
      description, values: zip(own, parts.dropFirst()).map { ($0, $1) }, text: text)
  }

  private static func fill(
    _ description: MethodDescription, values: [(String, String)], text: String
  ) throws -> MethodChoice {
    var options: [String: OptionValue] = [:]
    for (key, value) in values {
      guard let spec = description.options.first(where: { $0.key == key }) else {
        throw QuantizationError.unknownOption(
          method: description.name, key: "\(key) (in '\(text)')",
          known: description.options.map(\.key))
      }
      options[key] = try spec.parse(value, method: description.name)
    }
    return MethodChoice(method: description.name, options: options)
  }

  /// Sets one option from `TARGET.KEY=VALUE`; targets are `weights`, `activations`, `kv`, `kv-key`,
  /// `kv-value`.
  ///
  /// - Throws: `QuantizationError` that names what is wrong.
  package static func set(_ text: String, in recipe: inout Recipe) throws {
    let expected = "TARGET.KEY=VALUE with TARGET one of weights, activations, kv, kv-key, kv-value"
    guard let equals = text.firstIndex(of: "="), let dot = text.firstIndex(of: "."), dot < equals
    else { throw QuantizationError.malformedChoice(text: text, expected: expected) }
    let target = String(text[..<dot])
    let key = String(text[text.index(after: dot)..<equals])
    let value = String(text[text.index(after: equals)...])
    switch target {
    case "weights": try set(key, value, target: .weights, in: &recipe.weights)
    case "activations": try set(key, value, target: .activations, in: &recipe.activations)
    case "kv":
      try set(key, value, target: .kvCache, in: &recipe.keys)
      try set(key, value, target: .kvCache, in: &recipe.values)
    case "kv-key": try set(key, value, target: .kvCache, in: &recipe.keys)
    case "kv-value": try set(key, value, target: .kvCache, in: &recipe.values)
    default: throw QuantizationError.malformedChoice(text: text, expected: expected)
    }
  }

  private static func set(
    _ key: String, _ value: String, target: QuantizationTarget, in choice: inout MethodChoice?
  ) throws {
    guard var chosen = choice else {
      throw QuantizationError.malformedChoice(
        text: "\(target.rawValue).\(key)=\(value)",
        expected: "a method for \(target.rawValue) before its options")
    }
    let description = try QuantizationMethods.description(of: chosen.method, target: target)
    guard
      let spec = description.options.first(where: { $0.key == key || $0.aliases.contains(key) })
    else {
      throw QuantizationError.unknownOption(
        method: description.name, key: key, known: description.options.map(\.key))
    }
    chosen.options[spec.key] = try spec.parse(value, method: description.name)
    choice = chosen
  }

  /// Whole schemes under the names people type; nil for an unknown one.
  package static func scheme(_ name: String) -> Recipe? {
    func weights(_ bits: Int, _ group: Int, symmetric: Bool = true) -> MethodChoice {
      var options: [String: OptionValue] = ["bits": .integer(bits), "group": .integer(group)]
      if !symmetric { options["symmetric"] = .flag(false) }
      return MethodChoice(method: "rtn", options: options)
    }
    func fp8(weights: String, scaling: String) -> Recipe {
      Recipe(
        activations: MethodChoice(
          method: "fp8", options: ["weights": .choice(weights), "scaling": .choice(scaling)]))
    }
    switch name.uppercased() {
    case "W8A16", "W8": return Recipe(weights: weights(8, -1))
    case "W4A16", "W4": return Recipe(weights: weights(4, 128))
    case "W4A16_ASYM": return Recipe(weights: weights(4, 128, symmetric: false))
    case "W3A16", "W3": return Recipe(weights: weights(3, 128))
    case "W2A16", "W2": return Recipe(weights: weights(2, 64))
    case "W8A8", "INT8": return Recipe(activations: MethodChoice(method: "int8"))
    case "SMOOTHQUANT", "SQ": return Recipe(activations: MethodChoice(method: "smoothquant"))
    case "LLM.INT8", "LLM.INT8()", "LLM_INT8", "LLMINT8":
      return Recipe(activations: MethodChoice(method: "llm.int8"))
    case "FP8_DYNAMIC": return Recipe(activations: MethodChoice(method: "fp8"))
    // In small letters it is the method, with its own defaults.
    case "FP8" where name != name.lowercased(): return fp8(weights: "tensor", scaling: "static")
    case "FP8_BLOCK": return fp8(weights: "block", scaling: "token")
    case "W4A8":
      return Recipe(weights: weights(4, 128), activations: MethodChoice(method: "int8"))
    case "KV8":
      let choice = MethodChoice(method: "int8")
      return Recipe(keys: choice, values: choice)
    case "KV4":
      let choice = MethodChoice(method: "int4")
      return Recipe(keys: choice, values: choice)
    case "BASELINE", "BF16", "FP": return .baseline
    default: return nil
    }
  }
}
