import Operators
import Synchronization

/// One decoder block: attention and a gated feed-forward layer, each behind a norm and added to
/// what came in.
///
///     x += o(attention(rope(q(n)), rope(k(n)), v(n)))   where n = attentionNorm(x)
///     x += down(silu(gate(n)) * up(n))                  where n = feedForwardNorm(x)
package final class DecoderBlock: Sendable {
  package let attentionNorm: NormWeight
  package let feedForwardNorm: NormWeight
  /// Norms of single heads, `[headDimension]`, where the architecture has them.
  package let queryNorm: NormWeight?
  package let keyNorm: NormWeight?
  package let q: Linear
  package let k: Linear
  package let v: Linear
  package let o: Linear
  package let gate: Linear
  package let up: Linear
  package let down: Linear

  private let cached = Mutex<PreparedBlock?>(nil)

  /// Takes a linear layer for every projection.
  package init(
    attentionNorm: NormWeight, feedForwardNorm: NormWeight, queryNorm: NormWeight? = nil,
    keyNorm: NormWeight? = nil, linear: (Projection) throws -> Linear
  ) rethrows {
    self.attentionNorm = attentionNorm
    self.feedForwardNorm = feedForwardNorm
    self.queryNorm = queryNorm
    self.keyNorm = keyNorm
    q = try linear(.q)
    k = try linear(.k)
    v = try linear(.v)
    o = try linear(.o)
    gate = try linear(.gate)
    up = try linear(.up)
    down = try linear(.down)
  }

  package subscript(projection: Projection) -> Linear {
    switch projection {
    case .q: q
    case .k: k
    case .v: v
    case .o: o
    case .gate: gate
    case .up: up
    case .down: down
    }
  }

  package subscript(norm: BlockNorm) -> NormWeight {
    switch norm {
    case .attention: attentionNorm
    case .feedForward: feedForwardNorm
    }
  }

  /// The layers made ready for `context`; packs weights that are not packed yet.
  ///
  /// - Throws: what `Linear.prepared` throws.
  func prepared(for context: ExecutionContext) throws -> PreparedBlock {
    try cached.withLock { cached in
      if let cached, cached.disabled == context.disabledKernels { return cached }
      let fresh = PreparedBlock(
        attention: try [q, k, v].map { try $0.prepared(for: context) },
        output: [try o.prepared(for: context)],
        expansion: try [gate, up].map { try $0.prepared(for: context) },
        contraction: [try down.prepared(for: context)], disabled: context.disabledKernels)
      cached = fresh
      return fresh
    }
  }

  /// Gives back packed copies and mapped pages; they come back when the block runs again.
  package func release() {
    cached.withLock { $0 = nil }
    for projection in Projection.allCases { self[projection].release() }
  }

  /// The same block with some layers and norms replaced; the others are shared, packed copies
  /// included.
  ///
  /// - Throws: `ModelError.weightShape` for a replacement of another size.
  package func replacing(
    _ linears: [Projection: Linear] = [:], norms: [BlockNorm: [Float]] = [:]
  ) throws -> DecoderBlock {
    func norm(_ kind: BlockNorm) throws -> NormWeight {
      let old = self[kind]
      guard let values = norms[kind] else { return old }
      guard values.count == old.count else {
        throw ModelError.weightShape(
          layer: old.name, expected: [old.count], found: [values.count])
      }
      return NormWeight(name: old.name, values: values)
    }
    return try DecoderBlock(
      attentionNorm: norm(.attention), feedForwardNorm: norm(.feedForward), queryNorm: queryNorm,
      keyNorm: keyNorm
    ) { projection in
      let old = self[projection]
      guard let new = linears[projection] else { return old }
      guard new.rows == old.rows, new.columns == old.columns else {
        throw ModelError.weightShape(
          layer: old.name, expected: [old.rows, old.columns], found: [new.rows, new.columns])
      }
      return new
    }
  }
}

/// The linear layers of a block as they are run, those with a common input together.
final class PreparedBlock: Sendable {
  let attention: [PreparedLinear]
  let output: [PreparedLinear]
  let expansion: [PreparedLinear]
  let contraction: [PreparedLinear]
  /// The kernels that were not to be used.
  let disabled: Set<String>

  init(
    attention: [PreparedLinear], output: [PreparedLinear], expansion: [PreparedLinear],
    contraction: [PreparedLinear], disabled: Set<String>
  ) {
    self.attention = attention
    self.output = output
    self.expansion = expansion
    self.contraction = contraction
    self.disabled = disabled
  }
}
