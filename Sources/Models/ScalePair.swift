/// Two neighbours between which a positive scale can move, channel by channel, without changing
/// what the block computes: what the source's output channels are divided by, the targets' input
/// channels are multiplied by.
///
/// The moves of AWQ (arXiv 2306.00978) and SmoothQuant (arXiv 2211.10438). A bias of the source is
/// divided too, one of a target is not touched.
package struct ScalePair: Hashable, Sendable {
  package enum Source: Hashable, Sendable {
    /// The weight of a norm.
    case norm(BlockNorm)
    /// The rows of a linear layer.
    case linear(Projection)
  }

  package let source: Source
  /// All linear layers that read the source's output; they share the scale.
  package let targets: [Projection]
  /// Output channels of the source: the length of the scale.
  package let channels: Int
  /// Channels that lie together in one head.
  package let headDimension: Int
  /// Heads of the target's input that read each head of the source: 1, or under grouped-query
  /// attention the number of query heads of a KV head.
  package let repeats: Int

  /// Whether the scale must be tied over the query heads of a KV head.
  ///
  /// The reference code of AWQ leaves such pairs out.
  package var isTied: Bool { repeats > 1 }

  /// The channel of the source that is read by input channel `channel` of the targets.
  package func sourceChannel(of channel: Int) -> Int {
    let head = channel / headDimension / repeats
    return head * headDimension + channel % headDimension
  }

  /// A linear layer by itself: what is in front of it, whatever it is, takes the scale.
  package static func alone(_ target: Projection, channels: Int) -> ScalePair {
    ScalePair(
      source: .linear(.v), targets: [target], channels: channels, headDimension: channels,
      repeats: 1)
  }

  /// The pairs of a block with gated feed-forward layers.
  static func gated(_ configuration: ModelConfiguration) -> [ScalePair] {
    gated(
      hidden: configuration.hiddenSize, heads: configuration.heads,
      kvHeads: configuration.kvHeads, headDimension: configuration.headDimension,
      intermediate: configuration.intermediateSize)
  }

  /// The pairs of a block with gated feed-forward layers, of these sizes.
  ///
  /// `down(silu(gate(x)) * up(x))` is linear in `up`; what comes out of q and k is rotated, and in
  /// some models normalized, so nothing moves there.
  package static func gated(
    hidden: Int, heads: Int, kvHeads: Int, headDimension dimension: Int, intermediate: Int
  ) -> [ScalePair] {
    func plain(_ source: Source, _ targets: [Projection], _ channels: Int) -> ScalePair {
      ScalePair(
        source: source, targets: targets, channels: channels, headDimension: channels, repeats: 1)
    }
    return [
      plain(.norm(.attention), [.q, .k, .v], hidden),
      ScalePair(
        source: .linear(.v), targets: [.o], channels: kvHeads * dimension,
        headDimension: dimension, repeats: heads / kvHeads),
      plain(.norm(.feedForward), [.gate, .up], hidden),
      plain(.linear(.up), [.down], intermediate),
    ]
  }
}
