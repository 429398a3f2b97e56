package import Models

/// Every method for weights and activations.
package enum QuantizationMethods {
  /// One line a method, in the order screens list them.
  package static let all: [any QuantizationMethod.Type] = [
    RoundToNearestMethod.self,
    GPTQMethod.self,
    AWQMethod.self,
    HQQMethod.self,
    Int8Activations.self,
    SmoothQuantMethod.self,
    LLMInt8Method.self,
    FP8Method.self,
  ]

  /// What the methods for `target` say of themselves, KV cache methods included.
  package static func descriptions(for target: QuantizationTarget) -> [MethodDescription] {
    target == .kvCache
      ? KVCacheMethods.all.map { $0.describes }
      : all.map { $0.describes }.filter { $0.target == target }
  }

  /// What all methods say of themselves.
  package static var descriptions: [MethodDescription] {
    QuantizationTarget.allCases.flatMap(descriptions)
  }

  /// Whether a method of this name takes bits.
  package static func hasBits(_ name: String) -> Bool {
    descriptions.first { $0.name == name }?.options.contains { $0.key == "bits" } ?? false
  }

  /// The description under a name or alias.
  ///
  /// - Throws: `QuantizationError.unknownMethod` with the names there are.
  package static func description(
    of name: String, target: QuantizationTarget
  ) throws -> MethodDescription {
    let known = descriptions(for: target)
    let wanted = name.lowercased()
    guard let found = known.first(where: { $0.name == wanted || $0.aliases.contains(wanted) })
    else {
      throw QuantizationError.unknownMethod(
        target: target.rawValue, name: name, known: known.map(\.name))
    }
    return found
  }

  /// The method of a choice, its options checked.
  ///
  /// - Throws: `QuantizationError` for an unknown method or option.
  package static func make(
    _ choice: MethodChoice, target: QuantizationTarget
  ) throws -> any QuantizationMethod {
    let description = try description(of: choice.method, target: target)
    let options = try OptionValues(
      choice.options, specs: description.options, method: description.name)
    guard let type = all.first(where: { $0.describes == description }) else {
      throw QuantizationError.unknownMethod(
        target: target.rawValue, name: choice.method, known: all.map { $0.describes.name })
    }
    return type.init(options: options)
  }
}
