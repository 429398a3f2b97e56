/// Every transform of a whole model.
package enum ModelTransforms {
  /// One line a transform, in the order they are made: each on what the one before left.
  package static let all: [any ModelTransform.Type] = [
    OutlierPlanting.self,
    ResidualRotation.self,
  ]

  package static var names: [String] { all.map { $0.describes.name } }

  /// The transform under a name; nil for an unknown one.
  package static func named(_ name: String) -> (any ModelTransform.Type)? {
    all.first { $0.describes.name == name }
  }

  /// The transform of a choice, its options checked.
  ///
  /// - Throws: `QuantizationError` for an unknown transform or option, and what the transform refuses.
  package static func make(_ choice: MethodChoice) throws -> any ModelTransform {
    guard let type = named(choice.method) else {
      throw QuantizationError.unknownMethod(
        target: "the whole model", name: choice.method, known: names)
    }
    return try type.init(
      options: OptionValues(
        choice.options, specs: type.describes.options, method: type.describes.name))
  }

  /// Choices in the order they are made, each with the options it holds and no others, those that change nothing left out.
  ///
  /// One that is no transform stays as it is: `Recipe.validate` tells what is wrong with it.
  static func canonical(_ choices: [MethodChoice]) -> [MethodChoice] {
    func place(_ choice: MethodChoice) -> Int { names.firstIndex(of: choice.method) ?? names.count }
    return choices.sorted { place($0) < place($1) }.compactMap { choice in
      guard let made = try? make(choice) else { return choice }
      return made.isIdentity ? nil : made.choice
    }
  }
}
