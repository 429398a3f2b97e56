package import Models
import Operators

/// Bytes the caches of several requests hold, in the whole blocks of 64 tokens that they are made of.
///
/// As `BlockKVCache` allocates: a block belongs to one layer's keys and values of 64 tokens; requests share the blocks
/// that lie whole within their common prefix, and each has its own from there on (arXiv 2309.06180). A layer with a
/// window needs the blocks that the window touches, one more than it fills.
package struct CacheFootprint: Sendable {
  /// Tokens of a block.
  package static let blockTokens = Double(KVBlockLayout.tokens)

  private let kinds: [ModelShape.LayerKind]
  /// Values, keys and values together, that one layer keeps of a token.
  private let values: Double

  /// - Parameter forgets: whether blocks that no window reaches are given back; this program's own cache keeps them.
  package init(_ model: ModelShape, forgets: Bool = true) {
    let keeping = model.keepingKinds
    kinds =
      forgets
      ? keeping : [.init(window: 0, blocks: keeping.reduce(0) { $0 + $1.blocks })]
    values = 2 * Double(model.kvHeads) * Double(model.headDimension)
  }

  /// Blocks of one layer that looks back on `window` tokens, of all requests together.
  ///
  /// - Parameter shared: tokens at the start that all requests have in common.
  package static func blocks(
    window: Int, context: Double, requests: Double, shared: Double
  ) -> Double {
    let whole = (context / blockTokens).rounded(.up)
    let kept =
      window > 0 ? min(whole, (Double(window) / blockTokens).rounded(.up) + 1) : whole
    let first = whole - kept
    let prefix = shared >= context ? whole : (shared / blockTokens).rounded(.down)
    let common = requests > 1 ? max(0, prefix - first) : 0
    return common + requests * (kept - common)
  }

  /// Blocks over all layers that keep a cache.
  package func blocks(context: Double, requests: Double, shared: Double) -> Double {
    kinds.reduce(0) { sum, kind in
      sum + Double(kind.blocks)
        * Self.blocks(window: kind.window, context: context, requests: requests, shared: shared)
    }
  }

  /// Bytes of all requests at `bits` a value, scales included.
  package func bytes(context: Double, requests: Double, shared: Double, bits: Double) -> Double {
    blocks(context: context, requests: requests, shared: shared) * Self.blockTokens * values * bits
      / 8
  }
}
