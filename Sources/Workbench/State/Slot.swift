package import Models
package import Quantization

/// One place of a recipe that a method can stand in.
package enum Slot: String, Hashable, Sendable, CaseIterable {
  case weights, activations, keys, values

  package var target: QuantizationTarget {
    switch self {
    case .weights: .weights
    case .activations: .activations
    case .keys, .values: .kvCache
    }
  }

  /// The slot in words.
  package var words: String {
    switch self {
    case .weights: "weights"
    case .activations: "activations"
    case .keys: "KV: keys"
    case .values: "KV: values"
    }
  }
}

extension Recipe {
  package subscript(slot: Slot) -> MethodChoice? {
    get {
      switch slot {
      case .weights: weights
      case .activations: activations
      case .keys: keys
      case .values: values
      }
    }
    set {
      switch slot {
      case .weights: weights = newValue
      case .activations: activations = newValue
      case .keys: keys = newValue
      case .values: values = newValue
      }
    }
  }
}
