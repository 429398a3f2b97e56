package import Models
import Operators
package import Tensors

/// Bytes the caches of several requests hold, in the whole blocks of 64 tokens that they are made of.
///
/// As `BlockKVCache` allocates: a block belongs to one layer's keys and values of 64 tokens; requests share the blocks
/// that lie whole within their common prefix, and each has its own from there on (arXiv 2309.06180). A layer with a
/// window needs the blocks that the window touches, one more than it fills.
package struct CacheFootprint: Sendable {
  /// Tokens of a block.
  package static let blockTokens = Double(KVBlockLayout.tokens)

  private let kinds: [ModelShape.LayerKind]
  private let kvHeads: Int
  private let headDimension: Int
  /// The window of each layer that keeps a cache, 0 for all tokens, with its place among all blocks.
  private let layers: [(place: Int, window: Int)]
  private let blockCount: Int

  /// - Parameter forgets: whether blocks that no window reaches are given back; this program's own cache keeps them.
  package init(_ model: ModelShape, forgets: Bool = true) {
    let keeping = model.keepingKinds
    kinds =
      forgets
      ? keeping : [.init(window: 0, blocks: keeping.reduce(0) { $0 + $1.blocks })]
    kvHeads = model.kvHeads
    headDimension = model.headDimension
    blockCount = max(0, model.blocks)
    layers = (0..<blockCount).filter(model.keepsCache).map {
      (place: $0, window: forgets ? model.window(of: $0) : 0)
    }
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
    blocks(context: context, requests: requests, shared: shared) * Self.blockTokens
      * 2 * Double(kvHeads) * Double(headDimension) * bits / 8
  }

  /// Bytes of all requests in the formats of a method: blocks as kernels lay them out, the latest tokens in full precision
  /// where the method keeps them so, the first and last layers in FP16 where it leaves them.
  package func bytes(
    context: Double, requests: Double, shared: Double, format: KVFormatPair
  ) -> Double {
    let heads = Double(kvHeads)
    let held = format.blocks(length: Int(min(context, 1e15)))
    let stored = Double(held.stored) * Self.blockTokens
    // Blocks are common as far as no request writes into them again.
    let common =
      format.window.map { window in
        let length = Int(min(shared, 1e15))
        return Double(
          min(window.quantizedKeys(length: length), window.quantizedValues(length: length)))
      } ?? shared
    let recentBytes = format.recent.map { Double($0.blockBytes(headDimension: headDimension)) } ?? 0
    let hasPlainLayers = layers.contains {
      format.inLayer($0.place, of: blockCount).window == nil
    }
    return layers.reduce(0) { sum, layer in
      let own = format.inLayer(layer.place, of: blockCount)
      let length = format.window == nil || hasPlainLayers ? context : stored
      let blocks = Self.blocks(
        window: layer.window, context: length, requests: requests, shared: common)
      let recent = requests * Double(held.recent) * recentBytes
      return sum + heads * (blocks * Double(own.blockBytes(headDimension: headDimension)) + recent)
    }
  }
}
