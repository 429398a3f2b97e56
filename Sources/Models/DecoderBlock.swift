package import Operators
import Synchronization

/// One decoder block: the layers and norms of a plan.
package final class DecoderBlock: Sendable {
  package let plan: BlockPlan
  /// A layer for each role of the plan.
  package let linears: [Projection: Linear]
  /// A norm for each place of the plan.
  package let norms: [BlockNorm: NormWeight]
  /// A score of each query head that takes part in the softmax, where the plan has them.
  package let sinks: AttentionSinks?
  /// Scales of its keys and values that a checkpoint was calibrated with.
  package let cacheScales: KVScales?

  private let cached = Mutex<PreparedBlock?>(nil)

  /// - Throws: `ModelError.weightShape` for a layer or norm that the plan has and these do not, or of another size.
  package init(
    plan: BlockPlan, linears: [Projection: Linear], norms: [BlockNorm: NormWeight],
    sinks: AttentionSinks? = nil, cacheScales: KVScales? = nil
  ) throws(ModelError) {
    for linear in plan.linears {
      guard let found = linears[linear.role], found.rows == linear.rows,
        found.columns == linear.columns
      else {
        throw .weightShape(
          layer: linear.name, expected: [linear.rows, linear.columns],
          found: linears[linear.role].map { [$0.rows, $0.columns] } ?? [])
      }
    }
    for (place, norm) in plan.norms where norms[place]?.count != norm.width {
      throw .weightShape(
        layer: norm.name, expected: [norm.width], found: norms[place].map { [$0.count] } ?? [])
    }
    if let name = plan.attention.sinks, sinks?.count != plan.attention.heads {
      throw .weightShape(
        layer: name, expected: [plan.attention.heads], found: sinks.map { [$0.count] } ?? [])
    }
    self.plan = plan
    self.sinks = sinks
    self.cacheScales = cacheScales
    self.linears = linears.filter { plan[$0.key] != nil }
    self.norms = norms.filter { plan[$0.key] != nil }
  }

  /// The roles of its layers, in the order of the forward pass.
  package var roles: [Projection] { plan.roles }

  /// The layer with a role of the plan.
  package subscript(projection: Projection) -> Linear {
    guard let linear = linears[projection] else {
      preconditionFailure("\(projection) in a block of \(plan.roles)")
    }
    return linear
  }

  /// The norm at a place of the plan.
  package subscript(norm: BlockNorm) -> NormWeight {
    guard let found = norms[norm] else {
      preconditionFailure("a norm \(norm.rawValue) in a block of \(plan.normPlaces)")
    }
    return found
  }

  /// The norm that opens the block; nil where its layers read the residual stream as it is.
  var openingNorm: NormWeight? { norms[.attention] }

  /// The layers made ready for `context`; packs weights that are not packed yet.
  ///
  /// - Throws: what `Linear.prepared` throws.
  func prepared(for context: ExecutionContext) throws -> PreparedBlock {
    try cached.withLock { cached in
      if let cached, cached.disabled == context.disabledKernels { return cached }
      let fresh = try PreparedBlock(self, for: context)
      cached = fresh
      return fresh
    }
  }

  /// Gives back packed copies and mapped pages; they come back when the block runs again.
  package func release() {
    cached.withLock { $0 = nil }
    for linear in linears.values { linear.release() }
  }

  /// The same block with some layers and norms replaced; the others are shared, packed copies
  /// included.
  ///
  /// - Parameter norms: the gains by place.
  /// - Throws: `ModelError.weightShape` for a replacement of another size.
  package func replacing(
    _ linears: [Projection: Linear] = [:], norms: [BlockNorm: [Float]] = [:]
  ) throws -> DecoderBlock {
    var changedNorms = self.norms
    for (place, gains) in norms { changedNorms[place] = try self[place].replacing(gains) }
    var changed = self.linears
    for (role, new) in linears {
      let old = self[role]
      guard new.rows == old.rows, new.columns == old.columns else {
        throw ModelError.weightShape(
          layer: old.name, expected: [old.rows, old.columns], found: [new.rows, new.columns])
      }
      changed[role] = new
    }
    return try DecoderBlock(
      plan: plan, linears: changed, norms: changedNorms, sinks: sinks,
      cacheScales: cacheScales)
  }

  /// The same block with scales for its cache.
  package func replacing(cacheScales: KVScales) throws -> DecoderBlock {
    try DecoderBlock(
      plan: plan, linears: linears, norms: norms, sinks: sinks, cacheScales: cacheScales)
  }

  /// The same block with every layer changed.
  ///
  /// - Throws: `ModelError.weightShape` for a layer of another size, and what `change` throws.
  package func mapping(_ change: (Linear) throws -> Linear) throws -> DecoderBlock {
    try replacing(linears.mapValues(change))
  }
}

/// A block as it is run: the layers with a common input together, nothing left to look up.
final class PreparedBlock: Sendable {
  /// One half: layers that read the stream, then one that writes to it.
  struct Half: Sendable {
    let readers: [PreparedLinear]
    let readerRoles: [Projection]
    let writer: [PreparedLinear]
    let writerRole: Projection
    /// Over what is added to the residual stream.
    let closingNorm: NormWeight?
  }

  /// A mixture of experts.
  struct Mixture: Sendable {
    let plan: FeedForwardPlan.Experts
    let router: PreparedLinear
    /// Gate and up of each expert.
    let readers: [[PreparedLinear]]
    /// Down of each.
    let writers: [PreparedLinear]
    let closingNorm: NormWeight?
  }

  /// What the feed-forward half consists of.
  enum FeedForward: Sendable {
    case dense(Half)
    case mixture(Mixture)
  }

  let attention: Half
  let feedForward: FeedForward
  let sinks: AttentionSinks?
  let queryNorm: NormWeight?
  let keyNorm: NormWeight?
  /// Between the halves.
  let feedForwardNorm: NormWeight?
  /// The kernels that were not to be used.
  let disabled: Set<String>

  /// - Throws: what `Linear.prepared` throws.
  init(_ block: DecoderBlock, for context: ExecutionContext) throws {
    func half(_ half: BlockHalf) throws -> Half {
      let roles = block.plan.roles(of: half)
      let readers = roles.filter(\.readsStream)
      let writers = roles.filter(\.writesStream)
      return Half(
        readers: try readers.map { try block[$0].prepared(for: context) }, readerRoles: readers,
        writer: try writers.map { try block[$0].prepared(for: context) },
        writerRole: writers[0], closingNorm: block.norms[half.closingNorm])
    }
    attention = try half(.attention)
    feedForward =
      try block.plan.feedForward.experts.map { .mixture(try Mixture($0, block, for: context)) }
      ?? .dense(half(.feedForward))
    sinks = block.sinks
    queryNorm = block.norms[.query]
    keyNorm = block.norms[.key]
    feedForwardNorm = block.norms[.feedForward]
    disabled = context.disabledKernels
  }
}

extension PreparedBlock.Mixture {
  /// - Throws: what `Linear.prepared` throws.
  fileprivate init(
    _ plan: FeedForwardPlan.Experts, _ block: DecoderBlock, for context: ExecutionContext
  ) throws {
    func layer(_ kind: Projection.Kind, _ number: Int) throws -> PreparedLinear {
      try block[Projection(kind, of: .number(number))].prepared(for: context)
    }
    self.plan = plan
    router = try block[.router].prepared(for: context)
    readers = try (0..<plan.count).map { [try layer(.gate, $0), try layer(.up, $0)] }
    writers = try (0..<plan.count).map { try layer(.down, $0) }
    closingNorm = block.norms[BlockHalf.feedForward.closingNorm]
  }
}
