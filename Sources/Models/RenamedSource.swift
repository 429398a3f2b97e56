import Tensors

/// How the names of a checkpoint's tensors differ from those of its model: by the prefix they begin with.
///
/// `save_pretrained` of the inner model leaves out `model.`; checkpoints that also see or hear have their text model one name
/// deeper.
package struct TensorNaming: Sendable {
  /// What the names of the model begin with.
  private let expected: String
  /// What the names of the file begin with in its place.
  private let found: String

  /// Prefixes that are known besides `model.`: none, and those of models with a text part.
  private static let known = ["", "language_model.model.", "model.language_model."]

  /// nil where names are as the model has them, or are known in no other way.
  ///
  /// - Parameters:
  ///   - frame: names the embedding table, which every model has.
  ///   - has: whether the file has a tensor of a name.
  package init?(_ frame: FramePlan, has: (String) -> Bool) {
    let expected = frame.prefix.isEmpty ? "model." : frame.prefix
    guard !has(frame.embedding), frame.embedding.hasPrefix(expected) else { return nil }
    let rest = String(frame.embedding.dropFirst(expected.count))
    guard let found = Self.known.first(where: { has($0 + rest) }) else { return nil }
    self.expected = expected
    self.found = found
  }

  /// The name in the file of what the model calls `name`; the head stands outside the inner model.
  package func stored(_ name: String) -> String {
    if name.hasPrefix(expected) { return found + name.dropFirst(expected.count) }
    return found.hasPrefix("language_model.") ? "language_model." + name : name
  }

  /// What the model calls `name` of the file.
  package func named(_ name: String) -> String {
    if found.isEmpty { return name.hasPrefix("lm_head.") ? name : expected + name }
    if name.hasPrefix(found) { return expected + name.dropFirst(found.count) }
    let head = "language_model.lm_head."
    return found.hasPrefix("language_model.") && name.hasPrefix(head)
      ? "lm_head." + name.dropFirst(head.count) : name
  }
}

/// A source whose tensors have other prefixes than the model's; names are asked for, and told, as the model has them.
struct RenamedSource: WeightSource {
  let source: any WeightSource
  let naming: TensorNaming

  var path: String { source.path }
  var names: [String] { source.names.map(naming.named) }

  func has(_ name: String) -> Bool { source.has(naming.stored(name)) }

  func tensor(_ name: String, shape: Shape) throws -> TensorView {
    try source.tensor(naming.stored(name), shape: shape)
  }

  func weight(_ name: String, rows: Int, columns: Int) throws -> any LinearWeight {
    try source.weight(naming.stored(name), rows: rows, columns: columns)
  }

  func quantized(
    _ name: String, total: Int, columns: Int, part: Range<Int>
  ) throws -> (any LinearWeight)? {
    try source.quantized(naming.stored(name), total: total, columns: columns, part: part)
  }

  func weight(
    _ name: String, total: Int, columns: Int, part: Range<Int>
  ) throws -> any LinearWeight {
    try source.weight(naming.stored(name), total: total, columns: columns, part: part)
  }
}
