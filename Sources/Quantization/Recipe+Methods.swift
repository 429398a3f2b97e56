import Models
package import Tensors

extension Recipe {
  /// Checks every choice against the methods there are.
  ///
  /// - Throws: `QuantizationError` for an unknown method or option.
  package func validate() throws {
    _ = try methods()
    for choice in [keys, values].compactMap({ $0 }) { _ = try KVCacheMethods.make(choice) }
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
    if let keys { format.keys = try KVCacheMethods.make(keys).format }
    if let values { format.values = try KVCacheMethods.make(values).format }
    return format
  }
}
