/// The tensor that a method shrinks: the first thing to choose, before any method.
package enum QuantizationTarget: String, Hashable, Sendable, Codable, CaseIterable {
  /// Parameter memory and weight bandwidth.
  case weights
  /// The low-precision compute path, and outliers.
  case activations
  /// Long context and concurrency.
  case kvCache = "kv"
}
