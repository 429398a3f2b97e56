/// What stands around the blocks of a model: embedding, last norm, head, and what their numbers are multiplied by.
package struct FramePlan: Hashable, Sendable {
  /// A table with a row for each position, added to the embedding (GPT-2, OPT).
  package struct Positions: Hashable, Sendable {
    /// The whole name of the tensor.
    package var name: String
    /// The row of position 0.
    package var first: Int
    package var rows: Int

    package init(name: String, first: Int = 0, rows: Int) {
      self.name = name
      self.first = first
      self.rows = rows
    }
  }

  /// The whole name of the embedding table's tensor.
  package var embedding: String
  /// What embeddings are multiplied by.
  package var embeddingMultiplier: Float = 1
  /// Whether the multiplier is first rounded to the type the table is stored in, as transformers does for Gemma.
  package var roundsEmbeddingMultiplier = false
  package var positions: Positions?
  package var finalNorm: NormPlan
  /// The whole name of the head's tensor; with tied embeddings there may be none.
  package var head: String
  /// What logits are multiplied by.
  package var logitMultiplier: Float = 1
  /// Logits become `cap * tanh(logit / cap)`; nil for none.
  package var logitSoftCap: Float?
  /// What all names but the head's begin with, which files of the model without a head leave out; empty where there are
  /// none.
  package var prefix = ""
  /// Ends of names that some writers add and that no model needs.
  package var ignoredEndings: [String]

  package init(
    embedding: String, finalNorm: NormPlan, head: String, ignoredEndings: [String] = []
  ) {
    self.embedding = embedding
    self.finalNorm = finalNorm
    self.head = head
    self.ignoredEndings = ignoredEndings
  }

  /// The frame most families have, under the names of Llama's files.
  package static func usual(_ configuration: ModelConfiguration) -> FramePlan {
    FramePlan(
      embedding: "model.embed_tokens.weight",
      finalNorm: NormPlan(width: configuration.hiddenSize, name: "model.norm.weight"),
      head: "lm_head.weight", ignoredEndings: [".rotary_emb.inv_freq"])
  }
}
