import Checkpoints
import Models
import Tensors

/// What the weights of a model are stored as: true types and bits, in sum, by role and tensor by tensor.
package struct StoredTypes: Hashable, Sendable, Codable {
  /// Tensors of one type.
  package struct Share: Hashable, Sendable, Codable {
    /// `Q4_K`, `BF16`, `W4 g128`.
    package var type: String
    package var tensors: Int
    package var parameters: Int
    package var bytes: Int

    /// Bits of one number with its share of scales.
    package var bits: Double { Double(bytes) * 8 / Double(max(1, parameters)) }
  }

  /// The tensors of one role in all blocks, such as `attn_q`, or one tensor outside them.
  package struct Role: Hashable, Sendable, Codable {
    package var name: String
    /// By type, the one with the most parameters first.
    package var shares: [Share]

    package var tensors: Int { shares.reduce(0) { $0 + $1.tensors } }
    package var parameters: Int { shares.reduce(0) { $0 + $1.parameters } }
    package var bytes: Int { shares.reduce(0) { $0 + $1.bytes } }
    package var bits: Double { Double(bytes) * 8 / Double(max(1, parameters)) }
  }

  /// One tensor.
  package struct Tensor: Hashable, Sendable, Codable {
    package var name: String
    package var type: String
    /// Slowest dimension first.
    package var shape: [Int]
    package var bytes: Int

    package var parameters: Int { shape.reduce(1, *) }
    package var bits: Double { Double(bytes) * 8 / Double(max(1, parameters)) }
  }

  /// `GGUF`, `safetensors`.
  package var container: String
  /// What the file calls itself: `Q4_K_M`; nil where it does not say.
  package var label: String?
  /// Whether the weights are stored quantized.
  package var isQuantized: Bool
  /// By type, the one with the most parameters first.
  package var shares: [Share]
  /// In the order of the file.
  package var roles: [Role]

  package var parameters: Int { shares.reduce(0) { $0 + $1.parameters } }
  package var bytes: Int { shares.reduce(0) { $0 + $1.bytes } }
  /// Bits of one number over all tensors.
  package var bits: Double { Double(bytes) * 8 / Double(max(1, parameters)) }

  /// What it is in a word: the file's own label where some tensor is of its kind, or else the type of most parameters.
  package var name: String {
    let main = shares.first?.type ?? "nothing"
    guard let label else { return main }
    // Weights that were decoded when they were read: the label alone says what they were.
    if isQuantized, ["F32", "F16", "BF16"].contains(main) { return label }
    return shares.contains { Self.family($0.type) == Self.family(label) } ? label : main
  }

  /// `Q4_K` and `Q4_K_M` are of one kind, `Q4_0` of another.
  private static func family(_ name: String) -> String {
    (name.split(separator: "_").first.map(String.init) ?? name) + (name.contains("_K") ? "_K" : "")
  }

  /// - Parameter isQuantized: whether the numbers are no plain floating-point ones.
  package init(_ tensors: [Tensor], container: String, label: String?, isQuantized: Bool) {
    self.container = container
    self.label = label
    self.isQuantized = isQuantized
    shares = Self.shares(of: tensors)
    var order: [String] = []
    var byRole: [String: [Tensor]] = [:]
    for tensor in tensors {
      let role = Self.role(of: tensor.name)
      if byRole[role] == nil { order.append(role) }
      byRole[role, default: []].append(tensor)
    }
    roles = order.map { Role(name: $0, shares: Self.shares(of: byRole[$0] ?? [])) }
  }

  private static func shares(of tensors: [Tensor]) -> [Share] {
    var shares: [String: Share] = [:]
    for tensor in tensors {
      shares[tensor.type, default: Share(type: tensor.type, tensors: 0, parameters: 0, bytes: 0)]
        .add(tensor)
    }
    return shares.values.sorted { ($1.parameters, $0.type) < ($0.parameters, $1.type) }
  }

  /// The name without the number of its block, its prefix and `.weight`.
  private static func role(of name: String) -> String {
    var parts = name.split(separator: ".").map(String.init)
    if let place = parts.firstIndex(where: { Int($0) != nil }) { parts.removeSubrange(...place) }
    if parts.last == "weight" { parts.removeLast() }
    if parts.first == "model" { parts.removeFirst() }
    return parts.joined(separator: ".")
  }
}

extension StoredTypes.Share {
  fileprivate mutating func add(_ tensor: StoredTypes.Tensor) {
    tensors += 1
    parameters += tensor.parameters
    bytes += tensor.bytes
  }
}

extension StoredTypes {
  /// The tensors of a GGUF file, from its header.
  static func tensors(of file: GGUFFile) -> [Tensor] {
    file.tensors.map {
      Tensor(
        name: $0.name, type: $0.type.description, shape: $0.shape.dimensions, bytes: $0.range.count)
    }
  }

  /// The tensors of a checkpoint in safetensors as they lie in its files.
  static func tensors(of checkpoint: Checkpoint) -> [Tensor] {
    checkpoint.tensors.map {
      Tensor(
        name: $0.name, type: $0.dtype.description, shape: $0.shape.dimensions,
        bytes: $0.range.count)
    }
  }

  /// The weights of a model as they are held: what several tensors of a file stand for counts as one.
  static func tensors(of model: Model) -> [Tensor] {
    var found: [Tensor] = []
    func add(_ name: String, _ weight: any LinearWeight) {
      found.append(
        Tensor(
          name: name, type: "\(weight.format)", shape: [weight.rows, weight.columns],
          bytes: weight.byteCount))
    }
    add(model.frame.embedding, model.embedding)
    for id in model.linears { add(model[id].name + ".weight", model[id].weight) }
    if !model.configuration.tiedEmbeddings { add(model.frame.head, model.head.weight) }
    return found
  }

  /// Of a model that was opened from `stored`.
  ///
  /// - Throws: `CheckpointError` where its files cannot be read.
  init(_ stored: StoredModel, _ model: Model) throws {
    switch stored {
    case .gguf(let file): self.init(file)
    case .directory(let directory):
      let isQuantized =
        model.linears.contains { !model[$0].weight.format.isFloat }
        || !model.embedding.format.isFloat || !model.head.weight.format.isFloat
      self.init(
        try isQuantized
          ? Self.tensors(of: model) : Self.tensors(of: Checkpoint(path: directory.path)),
        container: "safetensors", label: nil, isQuantized: isQuantized)
    }
  }

  /// Of a GGUF file, from its header alone.
  init(_ file: GGUFFile) {
    self.init(
      Self.tensors(of: file), container: "GGUF", label: file.label, isQuantized: file.isQuantized)
  }
}
