package import Models

/// One place of a recipe that a method can stand in.
///
/// Its raw value names it in JSON, its key in texts and TOML.
package enum Slot: String, Hashable, Sendable, CaseIterable {
  case weights, activations, keys, values

  package var target: QuantizationTarget {
    switch self {
    case .weights: .weights
    case .activations: .activations
    case .keys, .values: .kvCache
    }
  }

  /// The slot in texts (`kv-key.group=64`), in TOML (`[kv-key]`) and as an option (`--kv-key`).
  package var key: String {
    switch self {
    case .weights: "weights"
    case .activations: "activations"
    case .keys: "kv-key"
    case .values: "kv-value"
    }
  }

  /// The key of keys and values together.
  package static let cacheKey = "kv"

  /// Every key that texts and TOML know a slot, or two, by.
  package static var knownKeys: [String] {
    [weights.key, activations.key, cacheKey, keys.key, values.key]
  }

  /// The slots of a key; none for an unknown one.
  package static func named(_ key: String) -> [Slot] {
    key == cacheKey ? [.keys, .values] : allCases.filter { $0.key == key }
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
