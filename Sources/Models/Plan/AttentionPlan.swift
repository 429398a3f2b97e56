package import Operators

/// How the attention of one block is computed, between its linear layers.
package struct AttentionPlan: Hashable, Sendable {
  /// Which channels of each head turn with the position, and by which angles.
  package struct Rotation: Hashable, Sendable {
    package var embedding: RotaryEmbedding
    /// The first channels of each head; an even number of at most the head dimension.
    package var channels: Int

    package init(_ embedding: RotaryEmbedding, channels: Int) {
      self.embedding = embedding
      self.channels = channels
    }
  }

  /// Query heads.
  package var heads: Int
  package var kvHeads: Int
  package var headDimension: Int
  /// What products of queries and keys are multiplied by; nil for `1 / sqrt(headDimension)`.
  package var scale: Float?
  /// Scores become `cap * tanh(score / cap)` (Gemma 2); nil for none.
  package var softCap: Float?
  /// nil where positions are not in the attention of this block.
  package var rotation: Rotation?
  /// Tokens each query looks back on, itself among them; 0 for all.
  package var window: Int
  /// The whole name of the tensor of a learned score for each query head that takes part in the softmax and yields nothing
  /// (gpt-oss); nil for none.
  package var sinks: String?

  package init(
    heads: Int, kvHeads: Int, headDimension: Int, scale: Float? = nil, softCap: Float? = nil,
    rotation: Rotation? = nil, window: Int = 0, sinks: String? = nil
  ) {
    self.heads = heads
    self.kvHeads = kvHeads
    self.headDimension = headDimension
    self.scale = scale
    self.softCap = softCap
    self.rotation = rotation
    self.window = window
    self.sinks = sinks
  }
}

extension KVView {
  /// The view with the window, scale, cap and sinks of a block's attention.
  package func seen(by attention: AttentionPlan, sinks: AttentionSinks? = nil) -> KVView {
    var view = self
    view.sinks = sinks
    view.window = attention.window
    view.scale = attention.scale
    view.softCap = attention.softCap
    return view
  }
}
