package import Models

/// A method with the options that were set; the rest keep their defaults.
package struct MethodChoice: Hashable, Sendable, Codable {
  package var method: String
  package var options: [String: OptionValue]

  package init(method: String, options: [String: OptionValue] = [:]) {
    self.method = method
    self.options = options
  }
}

extension MethodChoice: CustomStringConvertible {
  /// The choice as it is typed: `rtn:4:128`, other options behind it.
  package var description: String {
    var text = method
    if let bits = options["bits"] { text += ":\(bits)" }
    if let group = options["group"] { text += ":\(group)" }
    for (key, value) in options.sorted(by: { $0.key < $1.key })
    where key != "bits" && key != "group" {
      text += " \(key)=\(value)"
    }
    return text
  }
}

/// One choice per target; a target without a choice stays FP.
package struct Recipe: Hashable, Sendable, Codable {
  package var weights: MethodChoice?
  package var activations: MethodChoice?
  package var keys: MethodChoice?
  package var values: MethodChoice?

  package init(
    weights: MethodChoice? = nil, activations: MethodChoice? = nil, keys: MethodChoice? = nil,
    values: MethodChoice? = nil
  ) {
    self.weights = weights
    self.activations = activations
    self.keys = keys
    self.values = values
  }

  /// The FP baseline.
  package static let baseline = Recipe()

  /// Whether nothing is quantized.
  package var isBaseline: Bool { self == .baseline }

  /// The targets that are quantized.
  package var targets: Set<QuantizationTarget> {
    var found: Set<QuantizationTarget> = []
    if weights != nil { found.insert(.weights) }
    if activations != nil { found.insert(.activations) }
    if keys != nil || values != nil { found.insert(.kvCache) }
    return found
  }
}

extension Recipe: CustomStringConvertible {
  package var description: String {
    guard !isBaseline else { return "FP baseline" }
    var parts: [String] = []
    if let weights { parts.append("weights \(weights)") }
    if let activations { parts.append("activations \(activations)") }
    switch (keys, values) {
    case (let key?, let value?) where key == value: parts.append("KV \(key)")
    case (let key, let value):
      if let key { parts.append("K \(key)") }
      if let value { parts.append("V \(value)") }
    }
    return parts.joined(separator: " + ")
  }
}
