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
package struct Recipe: Hashable, Sendable {
  package var weights: MethodChoice?
  package var activations: MethodChoice?
  package var keys: MethodChoice?
  package var values: MethodChoice?
  /// Layers that are treated otherwise; where several cover a layer the last one counts.
  package var exceptions: [LayerException]
  /// Embedding table and head; nil where they stay FP.
  package var head: HeadChoice?

  package init(
    weights: MethodChoice? = nil, activations: MethodChoice? = nil, keys: MethodChoice? = nil,
    values: MethodChoice? = nil, exceptions: [LayerException] = [],
    head: HeadChoice? = nil
  ) {
    self.weights = weights
    self.activations = activations
    self.keys = keys
    self.values = values
    self.exceptions = exceptions
    self.head = head
  }

  /// The FP baseline.
  package static let baseline = Recipe()

  /// Whether nothing is quantized.
  package var isBaseline: Bool { self == .baseline }

  /// The targets that are quantized.
  package var targets: Set<QuantizationTarget> {
    var found: Set<QuantizationTarget> = []
    if weights != nil || head != nil { found.insert(.weights) }
    if activations != nil { found.insert(.activations) }
    if keys != nil || values != nil { found.insert(.kvCache) }
    return found
  }

  /// How a layer is treated otherwise; nil where the methods' own options hold.
  package func treatment(of id: LinearID) -> LayerException.Treatment? {
    exceptions.last { $0.covers(id) }?.treatment
  }
}

extension Recipe: Codable {
  private enum Key: String, CodingKey {
    case weights, activations, keys, values, exceptions, head
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    self.init(
      weights: try container.decodeIfPresent(MethodChoice.self, forKey: .weights),
      activations: try container.decodeIfPresent(MethodChoice.self, forKey: .activations),
      keys: try container.decodeIfPresent(MethodChoice.self, forKey: .keys),
      values: try container.decodeIfPresent(MethodChoice.self, forKey: .values),
      exceptions: try container.decodeIfPresent([LayerException].self, forKey: .exceptions) ?? [],
      head: try container.decodeIfPresent(HeadChoice.self, forKey: .head))
  }

  /// Exceptions and head are left out where there are none.
  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encodeIfPresent(weights, forKey: .weights)
    try container.encodeIfPresent(activations, forKey: .activations)
    try container.encodeIfPresent(keys, forKey: .keys)
    try container.encodeIfPresent(values, forKey: .values)
    if !exceptions.isEmpty { try container.encode(exceptions, forKey: .exceptions) }
    try container.encodeIfPresent(head, forKey: .head)
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
    if let head { parts.append("head \(head)") }
    var text = parts.joined(separator: " + ")
    switch exceptions.count {
    case 0: break
    case 1...3: text += ", " + exceptions.map(\.description).joined(separator: " ")
    default: text += ", \(exceptions.count) exceptions"
    }
    return text
  }
}
