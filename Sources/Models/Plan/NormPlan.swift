/// The place of a norm in a decoder block.
package enum BlockNorm: String, Hashable, Sendable, Codable {
  /// Opens attention: what q, k and v read.
  case attention
  /// Over the output of o, before it is added to the residual stream.
  case attentionOutput
  /// Opens the feed-forward layers: what gate and up read.
  case feedForward
  /// Over the output of down, before it is added to the residual stream.
  case feedForwardOutput
  /// Over queries before they are rotated.
  case query
  /// Over keys before they are rotated.
  case key
}

/// One norm of a model as its architecture describes it.
package struct NormPlan: Hashable, Sendable {
  package enum Kind: Hashable, Sendable {
    /// `x / rms(x) * gain` (arXiv 1910.07467).
    case rms
    /// `(x - mean(x)) / deviation(x) * gain + bias` (arXiv 1607.06450).
    case layer
  }

  package var kind: Kind
  /// What is added to the stored weight to give the gain: 0, or 1 in Gemma.
  package var offset: Float
  package var hasBias: Bool
  /// Channels that are normalized together: the hidden size, a head, or all heads.
  package var width: Int
  /// The whole name of the weight's tensor, which ends in `.weight`.
  package var name: String

  package init(
    _ kind: Kind = .rms, width: Int, offset: Float = 0, hasBias: Bool = false, name: String
  ) {
    self.kind = kind
    self.width = width
    self.offset = offset
    self.hasBias = hasBias
    self.name = name
  }

  /// The name of the bias's tensor.
  package var biasName: String { LinearPlan.layer(of: name) + ".bias" }
}

extension LinearPlan {
  /// What stands before `.weight` in the name of a tensor.
  package static func layer(of weight: String) -> String {
    weight.hasSuffix(".weight") ? String(weight.dropLast(".weight".count)) : weight
  }
}
