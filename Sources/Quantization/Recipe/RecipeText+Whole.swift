import Models

/// A whole recipe as one line: `rotate=0 weights=rtn:4:128 weights.mse=true kv=int8 head=8 layer=5.down=fp`.
extension RecipeText {
  static let headKey = "head"
  static let layerKey = "layer"

  /// The line of a recipe, which `recipe(_:)` reads back; empty for the baseline.
  package static func text(of recipe: Recipe) -> String {
    var words = recipe.transforms.flatMap { choice in
      // A transform that does not hold is written option by option.
      (try? ModelTransforms.make(choice)).map { ["\(choice.method)=\($0.text)"] }
        ?? settings(choice, key: choice.method)
    }
    var places: [(key: String, choice: MethodChoice?)] = [
      (Slot.weights.key, recipe.weights), (Slot.activations.key, recipe.activations),
    ]
    places +=
      recipe.keys == recipe.values
      ? [(Slot.cacheKey, recipe.keys)]
      : [(Slot.keys.key, recipe.keys), (Slot.values.key, recipe.values)]
    for place in places {
      if let choice = place.choice { words += Self.words(choice, key: place.key) }
    }
    if let head = recipe.head { words.append("\(headKey)=\(head)") }
    words += recipe.exceptions.map { "\(layerKey)=\($0)" }
    return words.joined(separator: " ")
  }

  private static func words(_ choice: MethodChoice, key: String) -> [String] {
    var head = "\(key)=\(choice.method)"
    var rest = choice
    // The group stands where the bits are said before it.
    if let bits = rest.options.removeValue(forKey: "bits") {
      head += ":\(bits)"
      if let group = rest.options.removeValue(forKey: GroupWord.key) {
        head += ":" + GroupWord.text(group, of: GroupWord.key)
      }
    }
    return [head] + settings(rest, key: key)
  }

  private static func settings(_ choice: MethodChoice, key: String) -> [String] {
    choice.options.sorted { $0.key < $1.key }.map {
      "\(key).\($0.key)=" + GroupWord.text($0.value, of: $0.key)
    }
  }

  /// Reads the line of a recipe: words with a blank between, each `PLACE=TEXT`, `PLACE.KEY=VALUE` for an option of what
  /// stands there already, `head=BITS[:GROUP]` or `layer=BLOCK.PROJECTION=BITS`.
  ///
  /// - Throws: an error that names what is wrong.
  package static func recipe(_ text: String) throws -> Recipe {
    var recipe = Recipe()
    for word in text.split(whereSeparator: \.isWhitespace).map(String.init) {
      try put(word: word, into: &recipe)
    }
    try recipe.validate()
    return recipe
  }

  private static func put(word: String, into recipe: inout Recipe) throws {
    let sides = word.split(separator: "=", maxSplits: 1).map(String.init)
    guard sides.count == 2 else {
      throw QuantizationError.malformedChoice(
        text: word, expected: "PLACE=METHOD or PLACE.KEY=VALUE, such as weights=rtn:4:128")
    }
    let (place, value) = (sides[0], sides[1])
    if place == headKey {
      recipe.head = try head(value)
    } else if place == layerKey {
      recipe.exceptions.append(try LayerException(value))
    } else if ModelTransforms.named(place) != nil {
      try transform(value, named: place, into: &recipe)
    } else if !Slot.named(place).isEmpty {
      try put(value, for: place, into: &recipe)
    } else {
      try set(word, in: &recipe)
    }
  }

  /// Reads `BITS[:GROUP]`; nil for `fp`.
  ///
  /// - Throws: `QuantizationError.malformedChoice`.
  package static func head(_ text: String) throws(QuantizationError) -> HeadChoice? {
    floatNames.contains(text.lowercased()) ? nil : try HeadChoice(text)
  }

  /// Puts a transform as it is typed into a recipe; `fp` or `none` takes it out.
  ///
  /// - Throws: what the transform refuses.
  package static func transform(
    _ text: String, named name: String, into recipe: inout Recipe
  ) throws {
    guard let type = ModelTransforms.named(name) else {
      throw QuantizationError.unknownMethod(
        target: "the whole model", name: name, known: ModelTransforms.names)
    }
    guard text != "none", !floatNames.contains(text.lowercased()) else {
      return recipe.set(transform: name, nil)
    }
    recipe.set(transform: name, try type.init(text: text).choice)
  }
}
