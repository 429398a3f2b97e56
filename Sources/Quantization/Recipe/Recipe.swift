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
  /// The choice as it is typed: `rtn:4:128`, other options after it.
  package var description: String {
    var text = method
    var rest = options
    if let bits = rest.removeValue(forKey: "bits") { text += ":\(bits)" }
    // A group without bits would be read as these where the method has some.
    if options["bits"] != nil || !QuantizationMethods.hasBits(method),
      let group = rest.removeValue(forKey: GroupWord.key)
    {
      text += ":" + GroupWord.text(group, of: GroupWord.key)
    }
    for (key, value) in rest.sorted(by: { $0.key < $1.key }) {
      text += " \(key)=" + GroupWord.text(value, of: key)
    }
    return text
  }
}

/// What is done with a model: transforms of the whole, then one choice a slot; a slot without a choice stays FP.
package struct Recipe: Hashable, Sendable {
  /// What is made of the whole model first, each transform once, in the order of `ModelTransforms.all`.
  package var transforms: [MethodChoice] {
    didSet { transforms = ModelTransforms.canonical(transforms) }
  }
  package var weights: MethodChoice?
  package var activations: MethodChoice?
  package var keys: MethodChoice?
  package var values: MethodChoice?
  /// Layers that are treated otherwise; where several cover a layer the last one counts.
  package var exceptions: [LayerException]
  /// Embedding table and head; nil where they stay FP.
  package var head: HeadChoice?

  package init(
    transforms: [MethodChoice] = [], weights: MethodChoice? = nil,
    activations: MethodChoice? = nil, keys: MethodChoice? = nil, values: MethodChoice? = nil,
    exceptions: [LayerException] = [], head: HeadChoice? = nil
  ) {
    self.transforms = ModelTransforms.canonical(transforms)
    self.weights = weights
    self.activations = activations
    self.keys = keys
    self.values = values
    self.exceptions = exceptions
    self.head = head
  }

  /// The FP baseline.
  package static let baseline = Recipe()

  /// Whether nothing is done: no transform, and nothing is quantized.
  package var isBaseline: Bool { self == .baseline }

  /// Whether nothing is quantized; the model may be transformed.
  package var staysFloat: Bool { targets.isEmpty }

  /// The targets that are quantized.
  package var targets: Set<QuantizationTarget> {
    var found: Set<QuantizationTarget> = []
    if weights != nil || head != nil { found.insert(.weights) }
    if activations != nil { found.insert(.activations) }
    if keys != nil || values != nil { found.insert(.kvCache) }
    return found
  }

  /// How a layer is treated otherwise; nil where the methods' own options hold.
  ///
  /// The router of a mixture of experts, some thousand weights that decide where each token goes, stays FP unless an
  /// exception names it.
  package func treatment(of id: LinearID) -> LayerException.Treatment? {
    if let found = exceptions.last(where: { $0.covers(id) }) { return found.treatment }
    return id.projection.kind == .router ? .fp : nil
  }

  /// A transform of the recipe; nil for none, and one that changes nothing is none.
  package func transform<Transform: ModelTransform>(_ type: Transform.Type) -> Transform? {
    transforms.first { $0.method == type.describes.name }.flatMap {
      // What does not hold is told by `validate`.
      try? ModelTransforms.make($0) as? Transform
    }
  }

  /// Puts a transform into the recipe in place of the one of its kind; nil takes that out.
  package mutating func set<Transform: ModelTransform>(
    _ type: Transform.Type, _ transform: Transform?
  ) {
    set(transform: type.describes.name, transform?.choice)
  }

  /// Puts a transform into the recipe by its name; nil takes it out.
  package mutating func set(transform name: String, _ choice: MethodChoice?) {
    transforms = transforms.filter { $0.method != name } + (choice.map { [$0] } ?? [])
  }
}

/// Fields that an older program did not write may be missing; those without content are left out.
extension Recipe: Codable {
  private struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
    init(_ slot: Slot) { stringValue = slot.rawValue }

    static let transforms = Key(stringValue: "transforms")
    static let exceptions = Key(stringValue: "exceptions")
    static let head = Key(stringValue: "head")
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    self.init(
      transforms: try container.decodeIfPresent([MethodChoice].self, forKey: .transforms) ?? [],
      exceptions: try container.decodeIfPresent([LayerException].self, forKey: .exceptions) ?? [],
      head: try container.decodeIfPresent(HeadChoice.self, forKey: .head))
    for slot in Slot.allCases {
      self[slot] = try container.decodeIfPresent(MethodChoice.self, forKey: Key(slot))
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    if !transforms.isEmpty { try container.encode(transforms, forKey: .transforms) }
    for slot in Slot.allCases { try container.encodeIfPresent(self[slot], forKey: Key(slot)) }
    if !exceptions.isEmpty { try container.encode(exceptions, forKey: .exceptions) }
    try container.encodeIfPresent(head, forKey: .head)
  }
}

extension Recipe: CustomStringConvertible {
  /// The transforms, one by one: `8 channels x32 planted`, `rotated`.
  package var modelTransformWords: [String] {
    transforms.map { choice in
      // One that does not hold is shown as it is written.
      (try? ModelTransforms.make(choice)).map { "\($0)" } ?? "\(choice)"
    }
  }

  package var description: String {
    guard !isBaseline else { return "FP baseline" }
    var parts = modelTransformWords
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
