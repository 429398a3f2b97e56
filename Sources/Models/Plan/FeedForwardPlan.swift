package import Operators

/// What the feed-forward half of a block computes between its linear layers.
///
/// With a gate it is `down(activation(gate(x)) * up(x))`, without one `down(activation(up(x)))`, with a clamped one
/// `down(swish(min(gate(x), limit)) * (clamp(up(x)) + 1))`.
package struct FeedForwardPlan: Hashable, Sendable {
  /// nil for no activation at all.
  package var activation: Activation?
  package var hasGate: Bool
  /// What the gate is where both it and what it opens are kept within bounds; then there is no other activation.
  package var clampedGate: ClampedGate?
  /// nil for one set of layers that every token goes through.
  package var experts: Experts?

  package init(_ activation: Activation?, hasGate: Bool = true, experts: Experts? = nil) {
    self.activation = activation
    self.hasGate = hasGate
    self.experts = experts
  }

  /// A mixture of experts: a router scores them for each token, which goes through the best.
  package struct Experts: Hashable, Sendable {
    /// How the router's scores become weights.
    package enum Scores: Hashable, Sendable {
      /// Softmax over all experts, then the best of them.
      case softmaxOfAll
      /// The best of them, then softmax over those (Mixtral, gpt-oss).
      case softmaxOfChosen
      case sigmoid
    }

    package var count: Int
    /// How many of them a token goes through.
    package var active: Int
    /// Whether one more is there for every token.
    package var hasShared: Bool
    package var scores: Scores

    package init(count: Int, active: Int, hasShared: Bool = false, scores: Scores) {
      self.count = count
      self.active = active
      self.hasShared = hasShared
      self.scores = scores
    }
  }
}
