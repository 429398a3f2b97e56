/// One decoder block as its architecture describes it: which linear layers and norms it has, what is computed between
/// them, and where scale may move.
///
/// All that differs between families is said here, once. Loading, running, quantizing, exporting and reporting ask the
/// plan and know no family. With the attention half in front,
///
///     x += m * norm?(o(attention(norm?(q(n)), norm?(k(n)), v(n))))   where n = norm?(x)
///     x += m * norm?(down(activation(gate?(n)) * up(n)))             where n = norm?(x)
package struct BlockPlan: Hashable, Sendable {
  /// Channels of the residual stream.
  package var hidden: Int
  /// In the order of the forward pass, no role twice.
  package var linears: [LinearPlan] {
    didSet { sortLinears() }
  }
  package var norms: [BlockNorm: NormPlan]
  package var attention: AttentionPlan
  package var feedForward: FeedForwardPlan
  /// What each half's output is multiplied by before it is added to the residual stream.
  package var residualMultiplier: Float = 1
  /// Where scale may move, when that is not what the other parts of the plan say.
  package var ownScalePairs: [ScalePair]?

  package init(
    hidden: Int, linears: [LinearPlan], norms: [BlockNorm: NormPlan], attention: AttentionPlan,
    feedForward: FeedForwardPlan
  ) {
    self.hidden = hidden
    self.linears = linears
    self.norms = norms
    self.attention = attention
    self.feedForward = feedForward
    sortLinears()
  }

  private mutating func sortLinears() {
    if !zip(linears, linears.dropFirst()).allSatisfy({ $0.role < $1.role }) {
      linears.sort { $0.role < $1.role }
    }
  }
}

// MARK: Linear layers

extension BlockPlan {
  /// The roles of all linear layers, in the order of the forward pass.
  package var roles: [Projection] { linears.map(\.role) }

  /// The layer with a role; nil where the block has none.
  package subscript(role: Projection) -> LinearPlan? { linears.first { $0.role == role } }

  /// Those of one half, in order.
  package func roles(of half: BlockHalf) -> [Projection] { roles.filter { $0.half == half } }

  /// The layers that share an input, in the order of the forward pass.
  package var inputGroups: [InputGroup] {
    InputGroup.all(of: linears.map { (role: $0.role, place: $0.input) })
  }

  /// The group a layer reads its input with; by itself where the block has no such layer.
  package func inputGroup(of role: Projection) -> InputGroup {
    inputGroups.first { $0.roles.contains(role) } ?? InputGroup(place: role.input, roles: [role])
  }

  /// The widest output of the feed-forward layers that read the stream.
  package var intermediate: Int {
    linears.filter { $0.role.kind == .up }.map(\.rows).max() ?? 0
  }

  /// Weights of all linear layers.
  package var parameters: Int { linears.reduce(0) { $0 + $1.parameters } }

  /// Biases of linear layers, and attention's sinks; those of norms count with their gains.
  package var otherParameters: Int {
    linears.reduce(attention.sinks == nil ? 0 : attention.heads) {
      $0 + ($1.hasBias ? $1.rows : 0)
    }
  }

  /// Weights of those that one token goes through.
  package var activeParameters: Int {
    guard let experts = feedForward.experts else { return parameters }
    return linears.reduce(0) { sum, linear in
      guard case .number? = linear.role.expert else { return sum + linear.parameters }
      return sum + linear.parameters * experts.active / experts.count
    }
  }
}

// MARK: Norms

extension BlockPlan {
  /// The places of all norms, in the order of the forward pass.
  package var normPlaces: [BlockNorm] {
    let order: [BlockNorm] = [
      .attention, .query, .key, .attentionOutput, .feedForward, .feedForwardOutput,
    ]
    return order.filter { norms[$0] != nil }
  }

  /// The norm at a place; nil where the block has none.
  package subscript(norm: BlockNorm) -> NormPlan? {
    get { norms[norm] }
    set { norms[norm] = newValue }
  }

  /// The norms that open a half, whose output linear layers read, in order.
  package var openingNorms: [BlockNorm] {
    BlockHalf.allCases.map(\.openingNorm).filter { norms[$0] != nil }
  }

  /// The half that a norm opens; nil for one that stands elsewhere.
  package func half(openedBy norm: BlockNorm) -> BlockHalf? {
    BlockHalf.allCases.first { $0.openingNorm == norm }
  }

  /// The norm whose output a layer reads; nil where that is no norm's.
  package func norm(readBy role: Projection) -> BlockNorm? {
    guard role.readsStream, norms[role.half.openingNorm] != nil else { return nil }
    return role.half.openingNorm
  }
}

extension BlockHalf {
  /// The place of the norm between the residual stream and the half.
  package var openingNorm: BlockNorm { self == .attention ? .attention : .feedForward }
  /// The place of the norm between the half and the residual stream.
  package var closingNorm: BlockNorm {
    self == .attention ? .attentionOutput : .feedForwardOutput
  }
}

// MARK: What can be done with the block

extension BlockPlan {
  /// Where scale may move from one tensor to the next without changing what the block computes.
  package var scalePairs: [ScalePair] { ownScalePairs ?? ScalePair.all(of: self) }

  /// Why the residual stream cannot be rotated inside the weights; nil where it can.
  ///
  /// A norm without gains commutes with a rotation when its gains can go into the layers that read it: one whose output
  /// is added to the stream has no such layer, and a mean is no length.
  package var rotationObstacle: String? {
    if BlockHalf.allCases.contains(where: { norms[$0.closingNorm] != nil }) {
      return "norms over what attention and feed-forward layers add to the residual stream"
    }
    if norms.values.contains(where: { $0.kind == .layer && $0.width == hidden }) {
      return "norms that subtract a mean"
    }
    if BlockHalf.allCases.contains(where: { norms[$0.openingNorm] == nil }) {
      return "layers that read the residual stream without a norm"
    }
    return nil
  }

  /// What of the plan nothing here runs yet, in words; nil where all of it runs.
  package var notRun: String? {
    if feedForward.experts?.hasShared == true { return "experts that every token goes through" }
    if let place = [BlockNorm.query, .key].first(where: { norms[$0]?.kind == .layer }) {
      return "layer norms of \(place == .query ? "queries" : "keys")"
    }
    let needed: [Projection] =
      [.q, .k, .v, .o]
      + (feedForward.experts.map { Self.rolesOf($0) }
        ?? (feedForward.hasGate ? [.gate] : []) + [.up, .down])
    if roles != needed {
      return (feedForward.experts.map { "\($0.count) experts in blocks" } ?? "blocks")
        + " of the layers " + roles.map(\.rawValue).joined(separator: ", ")
    }
    return nil
  }
}
