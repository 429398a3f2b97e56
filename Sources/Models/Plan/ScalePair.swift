import Operators

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
  /// What is added to the stored weight of a norm to give its gain.
  package var offset: Float = 0

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

  /// The pairs of a block, in the order of the forward pass.
  ///
  /// `down(activation(gate(x)) * up(x))` is linear in `up`; what comes out of q and k is rotated, and in some models
  /// normalized, so nothing moves there. Without a gate the activation stands between `up` and `down`: scale passes
  /// through a ReLU only. A norm with a bias gives none, since its bias would have to be divided too.
  static func all(of plan: BlockPlan) -> [ScalePair] {
    var pairs: [ScalePair] = []
    for group in plan.inputGroups where group.readsStream {
      guard let place = plan.norm(readBy: group.lead), let norm = plan[place], !norm.hasBias
      else { continue }
      if let index = pairs.firstIndex(where: { $0.source == .norm(place) }) {
        pairs[index] = ScalePair(
          .norm(place), pairs[index].targets + group.roles, plan.hidden, offset: norm.offset)
      } else {
        pairs.append(ScalePair(.norm(place), group.roles, plan.hidden, offset: norm.offset))
      }
    }
    let attention = plan.attention
    if let v = plan[.v], plan[.o] != nil {
      pairs.append(
        ScalePair(
          source: .linear(.v), targets: [.o], channels: v.rows,
          headDimension: attention.headDimension, repeats: attention.heads / attention.kvHeads))
    }
    // A clamped gate opens what is one more than `up`: no multiple of it.
    let passes =
      plan.feedForward.clampedGate == nil
      && (plan.feedForward.hasGate || [nil, .relu].contains(plan.feedForward.activation))
    for down in plan.roles where down.kind == .down && passes {
      let up = Projection(.up, of: down.expert)
      if let rows = plan[up]?.rows { pairs.append(ScalePair(.linear(up), [down], rows)) }
    }
    return pairs.sorted { $0.targets[0] < $1.targets[0] }
  }

  private init(_ source: Source, _ targets: [Projection], _ channels: Int, offset: Float = 0) {
    self.init(
      source: source, targets: targets, channels: channels, headDimension: channels, repeats: 1,
      offset: offset)
  }

  private init(
    source: Source, targets: [Projection], channels: Int, headDimension: Int, repeats: Int,
    offset: Float = 0
  ) {
    self.source = source
    self.targets = targets
    self.channels = channels
    self.headDimension = headDimension
    self.repeats = repeats
    self.offset = offset
  }
}
