import Models
package import Tensors

extension Recipe {
  /// Checks every choice against the methods there are.
  ///
  /// - Throws: `QuantizationError` for an unknown method or option.
  package func validate() throws {
    _ = try modelTransforms()
    _ = try methods()
    for choice in [keys, values].compactMap({ $0 }) { _ = try KVCacheMethods.make(choice) }
  }

  /// What is made of the whole model before any method works, in order.
  ///
  /// - Throws: `QuantizationError` for an unknown transform or option, and what a transform refuses.
  package func modelTransforms() throws -> [any ModelTransform] {
    try transforms.map(ModelTransforms.make).filter { !$0.isIdentity }
  }

  /// The methods for weights and activations, in the order they run.
  ///
  /// - Throws: `QuantizationError` for an unknown method or option.
  package func methods() throws -> [any QuantizationMethod] {
    try [
      weights.map { try QuantizationMethods.make($0, target: .weights) },
      activations.map { try QuantizationMethods.make($0, target: .activations) },
    ].compactMap { $0 }
  }

  /// What the inputs of a quantized head are turned into: what its methods say, else as FP layers have them.
  ///
  /// - Throws: `QuantizationError` for an unknown method or option.
  package func headActivation(standard: ActivationFormat) throws -> ActivationFormat {
    try methods().compactMap(\.headActivation).first ?? standard
  }

  /// Whether a method looks at activations.
  ///
  /// - Throws: `QuantizationError` for an unknown method or option.
  package func calibrates() throws -> Bool {
    try methods().contains { $0.calibration == .activations }
  }

  /// The formats of the cache.
  ///
  /// - Throws: `QuantizationError` for an unknown method or option.
  package func cacheFormat(standard: KVFormatPair) throws -> KVFormatPair {
    var format = standard
    let keyMethod = try keys.map(KVCacheMethods.make)
    let valueMethod = try values.map(KVCacheMethods.make)
    if let keyMethod { format.keys = keyMethod.format(keys: true) }
    if let valueMethod { format.values = valueMethod.format(keys: false) }
    let chosen = [keyMethod, valueMethod].compactMap { $0 }
    let keeping = chosen.filter { $0.window != nil }
    format.window = keeping.compactMap(\.window).max().map {
      KVWindow(
        tokens: $0, type: standard.keys == .float(type: .f32) ? .f32 : .f16,
        slides: keeping.allSatisfy(\.windowSlides))
    }
    format.highLayers = chosen.map(\.highLayers).max() ?? 0
    return format
  }
}
