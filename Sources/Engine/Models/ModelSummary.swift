package import Models

/// What is known of a model after it was opened.
package struct ModelSummary: Hashable, Sendable, Codable {
  package var name: String
  /// Where it came from; `built-in` for the demo model.
  package var path: String
  package var shape: ModelShape
  /// Parameters by dtype name.
  package var parametersByType: [String: Int]
  package var tensors: Int
  /// Bytes of the weights as stored.
  package var fileBytes: Int
  /// Bytes a token adds to an FP16 cache.
  package var kvBytesPerToken: Int
  package var tokenizer: String
  /// The recipe an artifact was made with; nil for a checkpoint.
  package var recipe: String?
  /// What its layers are stored as, where the checkpoint is quantized already: `gptq, W4 g128`; nil for one that is not.
  package var layout: String?
  /// The outliers planted in it, in words; nil for none.
  package var planted: String?
  /// How its residual stream is rotated, in words; nil for as it was read.
  package var rotated: String?
  /// Every transform of the whole model in words, in order; nil for none, and where only the two before are known.
  package var transforms: [String]?
  /// What its weights are stored as; nil in sessions of programs that did not tell.
  package var stored: StoredTypes?
  /// The model it is held against; nil where it is its own reference.
  package var against: ReferenceSummary?

  package init(
    name: String, path: String, shape: ModelShape, parametersByType: [String: Int], tensors: Int,
    fileBytes: Int, kvBytesPerToken: Int, tokenizer: String, recipe: String? = nil,
    planted: String? = nil, rotated: String? = nil, stored: StoredTypes? = nil
  ) {
    self.name = name
    self.path = path
    self.shape = shape
    self.parametersByType = parametersByType
    self.tensors = tensors
    self.fileBytes = fileBytes
    self.kvBytesPerToken = kvBytesPerToken
    self.tokenizer = tokenizer
    self.recipe = recipe
    self.planted = planted
    self.rotated = rotated
    self.stored = stored
  }
}

extension ModelSummary {
  /// The name with what was made of the whole model: `tales-5M, 8 channels x32 planted, rotated`.
  package var label: String {
    ([name] + (transforms ?? [planted, rotated].compactMap(\.self))).joined(separator: ", ")
  }
}

/// A model that can be opened, as the first screen lists it.
package struct ModelEntry: Hashable, Sendable, Codable {
  package var name: String
  /// nil for the built-in model.
  package var path: String?
  /// What kind of thing it is: `built-in`, `Hugging Face directory`, `quantized artifact`.
  package var kind: String
  package var fileBytes: Int?
  /// Why it cannot be opened, if so.
  package var problem: String?

  package init(
    name: String, path: String?, kind: String, fileBytes: Int? = nil, problem: String? = nil
  ) {
    self.name = name
    self.path = path
    self.kind = kind
    self.fileBytes = fileBytes
    self.problem = problem
  }
}
