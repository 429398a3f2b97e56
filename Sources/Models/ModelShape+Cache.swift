/// What the layers of a model keep in the KV cache, and what they read of it.
///
/// Layers differ where some look back on a window only (Gemma 2 and 3, Qwen) and where some read the cache of another
/// (Gemma 3n; cross-layer attention, arXiv 2405.12981): sharing saves memory, but every layer still reads.
extension ModelShape {
  /// Layers that are alike: `blocks` of them look back on `window` tokens, 0 for all.
  package struct LayerKind: Hashable, Sendable, Codable {
    package var window: Int
    package var blocks: Int

    package init(window: Int, blocks: Int) {
      self.window = window
      self.blocks = blocks
    }

    /// Tokens one of the layers reads at `depth` cached tokens.
    package func seen(depth: Double) -> Double {
      window > 0 ? min(depth, Double(window)) : depth
    }
  }

  /// The window of a block, 0 for all tokens.
  package func window(of block: Int) -> Int {
    guard let windows, windows.indices.contains(block) else { return slidingWindow }
    return windows[block]
  }

  /// Whether a block keeps a cache rather than reading that of another.
  package func keepsCache(_ block: Int) -> Bool {
    guard let cacheOwners, cacheOwners.indices.contains(block) else {
      return block < blocksWithCache
    }
    return cacheOwners[block] == block
  }

  /// The kinds of layers that keep a cache, the longest window last, unlimited ones first.
  package var keepingKinds: [LayerKind] { kinds { keepsCache($0) } }

  /// The kinds of layers that read one: all of them.
  package var readingKinds: [LayerKind] { kinds { _ in true } }

  private func kinds(_ isMeant: (Int) -> Bool) -> [LayerKind] {
    var counts: [Int: Int] = [:]
    for block in 0..<max(0, blocks) where isMeant(block) {
      counts[window(of: block), default: 0] += 1
    }
    return counts.sorted { $0.key < $1.key }.map { LayerKind(window: $0.key, blocks: $0.value) }
  }

  /// Cached tokens that one decoded token reads at `depth`, over all layers.
  package func tokensRead(depth: Double) -> Double {
    if windows == nil {
      return Double(blocks) * LayerKind(window: slidingWindow, blocks: blocks).seen(depth: depth)
    }
    return readingKinds.reduce(0) { $0 + Double($1.blocks) * $1.seen(depth: depth) }
  }

  /// Whether some layer forgets: it looks back on a window only.
  package var hasWindows: Bool { slidingWindow > 0 || windows?.contains { $0 > 0 } ?? false }
}
