import Operators
package import Tensors

/// A KV cache in blocks of 64 tokens that are allocated as the sequence grows.
///
/// Blocks are counted references, as in paged attention (arXiv 2309.06180): `fork` shares
/// everything so far, and whoever writes into a shared block first copies it.
package final class BlockKVCache: KVCache {
  package let pool: KVBlockPool
  package let capacity: Int
  package private(set) var length = 0
  /// One for each 64 positions.
  private var groups: [KVBlockGroup] = []
  /// `[layers][kvHeads][blocks]`.
  private var keyBlocks: [[[UnsafeMutableRawPointer]]]
  private var valueBlocks: [[[UnsafeMutableRawPointer]]]

  /// An empty cache that takes its memory from `pool`.
  package init(pool: KVBlockPool, capacity: Int) {
    self.pool = pool
    self.capacity = capacity
    let empty = [[UnsafeMutableRawPointer]](repeating: [], count: pool.layout.kvHeads)
    keyBlocks = .init(repeating: empty, count: pool.layout.layers)
    valueBlocks = keyBlocks
  }

  /// An empty cache with a pool of its own.
  ///
  /// - Throws: `OperatorError.unsupportedCache` when no kernel stores such a cache.
  package convenience init(_ layout: KVCacheLayout, capacity: Int) throws {
    self.init(pool: try KVBlockPool(layout), capacity: capacity)
  }

  package var layout: KVCacheLayout { pool.layout }

  package var byteCount: Int { groups.count * pool.groupBytes }

  package func reserve(_ tokens: Int) throws {
    guard tokens >= 0, tokens <= capacity - length else {
      throw ModelError.contextExceeded(tokens: length &+ max(0, tokens), capacity: capacity)
    }
    guard tokens > 0 else { return }
    let block = KVBlockLayout.tokens
    let written = length / block
    if length % block != 0, written < groups.count,
      !isKnownUniquelyReferenced(&groups[written])
    {
      groups[written] = try groups[written].copy()
      point(to: written)
    }
    while groups.count * block < length + tokens {
      groups.append(try pool.group())
      point(to: groups.count - 1)
    }
  }

  package func view(layer: Int) -> KVView {
    KVView(
      format: pool.layout.format, kvHeads: pool.layout.kvHeads,
      headDimension: pool.layout.headDimension, length: length, keyBlocks: keyBlocks[layer],
      valueBlocks: valueBlocks[layer])
  }

  package func advance(_ tokens: Int) { length += tokens }

  package func truncate(to length: Int) {
    self.length = max(0, min(length, self.length))
    let kept = (self.length + KVBlockLayout.tokens - 1) / KVBlockLayout.tokens
    guard kept < groups.count else { return }
    groups.removeLast(groups.count - kept)
    for layer in keyBlocks.indices {
      for head in keyBlocks[layer].indices {
        keyBlocks[layer][head].removeLast(keyBlocks[layer][head].count - kept)
        valueBlocks[layer][head].removeLast(valueBlocks[layer][head].count - kept)
      }
    }
  }

  /// A cache that begins with the same tokens and shares their memory.
  package func fork() -> BlockKVCache {
    let copy = BlockKVCache(pool: pool, capacity: capacity)
    copy.length = length
    copy.groups = groups
    copy.keyBlocks = keyBlocks
    copy.valueBlocks = valueBlocks
    copy.dropUnused()
    return copy
  }

  private func dropUnused() { truncate(to: length) }

  /// Enters the addresses of group `index` into the lists of all layers.
  private func point(to index: Int) {
    let group = groups[index]
    for layer in keyBlocks.indices {
      for head in keyBlocks[layer].indices {
        let keys = group.keys(layer: layer, head: head)
        let values = group.values(layer: layer, head: head)
        if index < keyBlocks[layer][head].count {
          keyBlocks[layer][head][index] = keys
          valueBlocks[layer][head][index] = values
        } else {
          keyBlocks[layer][head].append(keys)
          valueBlocks[layer][head].append(values)
        }
      }
    }
  }
}

extension Model {
  /// The layout of a cache for this model.
  package func cacheLayout(_ format: KVFormatPair? = nil) -> KVCacheLayout {
    KVCacheLayout(
      layers: blocks.count, kvHeads: configuration.kvHeads,
      headDimension: configuration.headDimension, format: format ?? precision.cache)
  }

  /// An empty cache for one sequence.
  ///
  /// - Parameters:
  ///   - format: how keys and values are stored; the precision's own when not given.
  ///   - capacity: the most tokens, the model's context when not given; it may be more, at the
  ///     price of positions the model was not trained for.
  /// - Throws: `OperatorError.unsupportedCache` when no kernel stores such a cache.
  package func makeCache(_ format: KVFormatPair? = nil, capacity: Int? = nil) throws
    -> BlockKVCache
  {
    try BlockKVCache(cacheLayout(format), capacity: capacity ?? configuration.context)
  }
}
