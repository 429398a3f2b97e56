package import Models

/// The model that another is held against, as its summary names it.
package struct ReferenceSummary: Hashable, Sendable, Codable {
  package var name: String
  /// Where it came from; `built-in` for the demo model.
  package var path: String
  /// What its weights are stored as, where they are quantized: `Q8_0`; nil for floating-point numbers.
  package var storedAs: String?
  /// What differs between the two besides the weights, in words.
  package var notes: [String]

  package init(name: String, path: String, storedAs: String? = nil, notes: [String] = []) {
    self.name = name
    self.path = path
    self.storedAs = storedAs
    self.notes = notes
  }
}

extension ModelSummary {
  /// What figures are held against: the model itself, or the one it is held against.
  package var baseline: BaselineWords {
    BaselineWords(storedAs: against.map(\.storedAs) ?? storedAs)
  }

  /// What its weights are stored as, where they are quantized; nil for floating-point numbers.
  package var storedAs: String? {
    guard let stored, stored.isQuantized else { return nil }
    return stored.name
  }

  /// Whether transforms may rewrite it: no artifact of ours, and held against no other model.
  package var isRewritable: Bool { recipe == nil && against == nil }

  /// Whether it is as it was trained: no artifact, nothing stored quantized, and held against no other model.
  package var isOriginal: Bool { recipe == nil && storedAs == nil && against == nil }
}
