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

  /// Sets one option from `PLACE.KEY=VALUE`; places are the slots by their keys, `kv` for both halves of the cache, and the
  /// transforms of the recipe.
  ///
  /// - Throws: `QuantizationError` that names what is wrong.
  package static func set(_ text: String, in recipe: inout Recipe) throws {
    let places = Slot.knownKeys + ModelTransforms.names
    let refusal = QuantizationError.malformedChoice(
      text: text, expected: "PLACE.KEY=VALUE with PLACE one of " + places.joined(separator: ", "))
    guard let equals = text.firstIndex(of: "="), let dot = text.firstIndex(of: "."), dot < equals
    else { throw refusal }
    let place = String(text[..<dot])
    let key = String(text[text.index(after: dot)..<equals])
    let value = String(text[text.index(after: equals)...])
    if let type = ModelTransforms.named(place) {
      let given = recipe.transforms.first { $0.method == place }
      var choice = given ?? MethodChoice(method: place)
      try set(key, value, of: type.describes.options, in: &choice)
      _ = try ModelTransforms.make(choice)
      return recipe.set(transform: place, choice)
    }
    let slots = Slot.named(place)
    guard !slots.isEmpty else { throw refusal }
    for slot in slots { recipe[slot] = try setting(key, value, slot, recipe[slot]) }
  }

  private static func setting(
    _ key: String, _ value: String, _ slot: Slot, _ choice: MethodChoice?
  ) throws -> MethodChoice {
    guard var chosen = choice else {
      throw QuantizationError.malformedChoice(
        text: "\(slot.key).\(key)=\(value)",
        expected: "a method for \(slot.key) before its options")
    }
    let description = try QuantizationMethods.description(of: chosen.method, target: slot.target)
    try set(key, value, of: description.options, in: &chosen)
    return chosen
  }

  private static func set(
    _ key: String, _ value: String, of options: [OptionSpec], in choice: inout MethodChoice
  ) throws {
    guard let spec = options.first(where: { $0.key == key || $0.aliases.contains(key) }) else {
      throw QuantizationError.unknownOption(
        method: choice.method, key: key, known: options.map(\.key))
    }
    choice.options[spec.key] = try spec.parse(value, method: choice.method)
  }
}
