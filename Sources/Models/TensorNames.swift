/// What a family of checkpoints calls its tensors; the only place that knows.
package struct TensorNames: Hashable, Sendable {
  package var embedding: String
  package var finalNorm: String
  package var head: String
  /// The beginning of all names of a block; `#` stands for its number.
  package var block: String
  package var projections: [Projection: String]
  package var norms: [BlockNorm: String]
  /// Norms of single heads, where the architecture has them.
  package var queryNorm: String?
  package var keyNorm: String?
  /// Ends of names that some writers add and that no model needs.
  package var ignoredEndings: [String]

  /// The name of a projection's weight in block `block`.
  package func weight(_ id: LinearID) -> String { layer(id) + ".weight" }

  /// The name of a projection's bias in block `block`.
  package func bias(_ id: LinearID) -> String { layer(id) + ".bias" }

  /// The name of a projection without `.weight`, as quantized checkpoints extend it.
  package func layer(_ id: LinearID) -> String {
    prefix(id.block) + (projections[id.projection] ?? id.projection.rawValue)
  }

  /// The name of a weight's layer: what stands before `.weight`.
  package static func layer(of weight: String) -> String {
    weight.hasSuffix(".weight") ? String(weight.dropLast(".weight".count)) : weight
  }

  package func norm(_ norm: BlockNorm, block: Int) -> String {
    prefix(block) + (norms[norm] ?? norm.rawValue)
  }

  package func queryNorm(block: Int) -> String? { queryNorm.map { prefix(block) + $0 } }
  package func keyNorm(block: Int) -> String? { keyNorm.map { prefix(block) + $0 } }

  private func prefix(_ index: Int) -> String {
    block.split(separator: "#", omittingEmptySubsequences: false).joined(separator: "\(index)")
  }
}
