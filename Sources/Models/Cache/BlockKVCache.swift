package import Operators
package import Tensors

/// A KV cache in blocks of 64 tokens that are allocated as the sequence grows.
///
/// Blocks are counted references, as in paged attention (arXiv 2309.06180): `fork` shares
/// everything so far, and whoever writes into a shared block first copies it. Where the format keeps
/// the latest tokens in full precision, these lie in blocks of their own until they leave the window.
package final class BlockKVCache: KVCache {
  package let pool: KVBlockPool
  package let capacity: Int
  package private(set) var length = 0
  private var blocks: KVBlockTable
  private var recent: RecentTokens?
  /// One for each layer, with what was found from the first tokens.
  private var codings: [KVLayerCoding]
  /// Those of the latest tokens, in the coordinates of the others.
  private var recentCodings: [KVLayerCoding?]
  /// Layers that have yet to see their first tokens.
  private var unlearned: Set<Int>
  package private(set) var overflow: KVOverflow?
  /// What quantizes tokens that leave the window: the context that appended last.
  private var context: ExecutionContext?

  /// The latest tokens in full precision, and how many of the tokens before them are quantized.
  private struct RecentTokens {
    var blocks: KVBlockTable
    var keys = 0
    var values = 0
  }

  /// An empty cache that takes its memory from `pool`.
  package init(pool: KVBlockPool, capacity: Int) {
    self.pool = pool
    self.capacity = capacity
    blocks = KVBlockTable(pool)
    recent = pool.recent.map { RecentTokens(blocks: KVBlockTable($0)) }
    codings = pool.codings
    recentCodings = pool.recentCodings
    unlearned = Self.learning(pool)
  }

  /// An empty cache with a pool of its own.
  ///
  /// - Throws: `OperatorError` when no kernel stores such a cache.
  package convenience init(_ layout: KVCacheLayout, capacity: Int) throws {
    self.init(pool: try KVBlockPool(layout), capacity: capacity)
  }

  private static func learning(_ pool: KVBlockPool) -> Set<Int> {
    Set(pool.codings.indices.filter { pool.codings[$0].learnsFromFirstTokens })
  }

  package var layout: KVCacheLayout { pool.layout }

  package var byteCount: Int { blocks.byteCount + (recent?.blocks.byteCount ?? 0) }

  package func reserve(_ tokens: Int) throws {
    guard tokens >= 0, tokens <= capacity - length else {
      throw ModelError.contextExceeded(tokens: length &+ max(0, tokens), capacity: capacity)
    }
    // What did not fit was never counted as there: a pass that is given up is written over by the next.
    overflow = nil
    guard tokens > 0 else { return }
    guard let window = layout.format.window else {
      return try blocks.reserve(length..<length + tokens)
    }
    try recent?.blocks.reserve(length..<length + tokens)
    // What leaves the window once these tokens are there is quantized without asking for memory.
    let end = length + tokens
    let settled = max(window.quantizedKeys(length: end), window.quantizedValues(length: end))
    let hasPlainLayers = codings.contains { $0.format.window == nil }
    let first =
      min(recent?.keys ?? 0, recent?.values ?? 0) / KVBlockLayout.tokens * KVBlockLayout.tokens
    let last = hasPlainLayers ? end : max(settled, first)
    if last > first { try blocks.reserve(first..<last) }
  }

  package func append(
    keys: UnsafePointer<Float>, values: UnsafePointer<Float>, tokens: Int, layer: Int,
    context: ExecutionContext
  ) {
    self.context = context
    checkRange(of: keys, tokens: tokens, layer: layer, areKeys: true)
    checkRange(of: values, tokens: tokens, layer: layer, areKeys: false)
    if unlearned.contains(layer), tokens > 0,
      // Coders were made for this format before, so they can be made again.
      let coding = try? codings[layer].learned(
        keys: keys, values: values, tokens: tokens, kvHeads: layout.kvHeads)
    {
      codings[layer] = coding
      if let window = coding.format.window, let latest = try? coding.recent(window.type) {
        recentCodings[layer] = latest
      }
      unlearned.remove(layer)
    }
    context.append(keys: keys, values: values, tokens: tokens, to: view(layer: layer))
  }

  /// Keeps the first layer with numbers that its format does not hold.
  private func checkRange(of numbers: UnsafePointer<Float>, tokens: Int, layer: Int, areKeys: Bool)
  {
    guard overflow == nil else { return }
    let format = codings[layer].format
    let stored = (areKeys ? format.keys : format.values).largestValue
    let recent: Float? = format.window?.type == .f16 ? 65504 : nil
    guard let limit = [stored, recent].compactMap(\.self).min() else { return }
    // Bits of magnitudes are in the order of magnitudes.
    var largest: UInt32 = 0
    for place in 0..<tokens * layout.kvHeads * layout.headDimension {
      largest = max(largest, numbers[place].bitPattern & 0x7fff_ffff)
    }
    let value = Float(bitPattern: largest)
    guard value > limit else { return }
    overflow = KVOverflow(
      layer: layer, value: value, limit: limit, side: areKeys ? "keys" : "values")
  }

  package func view(layer: Int) -> KVView {
    var view = KVView(
      coding: codings[layer], kvHeads: layout.kvHeads, headDimension: layout.headDimension,
      length: length, keyBlocks: blocks.keys[layer], valueBlocks: blocks.values[layer])
    if let recent, let coding = recentCodings[layer] {
      view.recent = KVRecent(
        coding: coding, firstKey: recent.keys, firstValue: recent.values,
        keyBlocks: recent.blocks.shownKeys(layer), valueBlocks: recent.blocks.shownValues(layer))
    }
    return view
  }

  package func advance(_ tokens: Int) {
    length += tokens
    guard let window = layout.format.window, let now = recent, let context else { return }
    let keys = max(now.keys, window.quantizedKeys(length: length))
    let values = max(now.values, window.quantizedValues(length: length))
    guard keys > now.keys || values > now.values else { return }
    for layer in codings.indices where codings[layer].format.window != nil {
      context.settle(view(layer: layer), keysEnd: keys, valuesEnd: values)
    }
    recent?.keys = keys
    recent?.values = values
    recent?.blocks.drop(before: min(keys, values) / KVBlockLayout.tokens)
  }

  package func truncate(to length: Int) {
    self.length = max(0, min(length, self.length))
    blocks.truncate(to: self.length)
    recent?.blocks.truncate(to: self.length)
    if let now = recent {
      recent?.keys = min(now.keys, self.length)
      recent?.values = min(now.values, self.length)
    }
    if self.length == 0 {
      codings = pool.codings
      recentCodings = pool.recentCodings
      unlearned = Self.learning(pool)
    }
  }

  /// A cache that begins with the same tokens and shares their memory.
  package func fork() -> BlockKVCache {
    let copy = BlockKVCache(pool: pool, capacity: capacity)
    copy.length = length
    copy.blocks = blocks
    copy.recent = recent
    copy.codings = codings
    copy.recentCodings = recentCodings
    copy.unlearned = unlearned
    copy.context = context
    copy.truncate(to: length)
    return copy
  }
}

/// The blocks of a sequence: its groups, and their addresses by layer and head.
struct KVBlockTable {
  let pool: KVBlockPool
  /// One for each 64 positions; nil where a table of recent tokens holds none.
  private var groups: [KVBlockGroup?] = []
  /// `[layers][kvHeads][blocks]`; addresses of dropped groups are left over.
  private(set) var keys: [[[UnsafeMutableRawPointer]]]
  private(set) var values: [[[UnsafeMutableRawPointer]]]
  private var dropped = 0

  init(_ pool: KVBlockPool) {
    self.pool = pool
    let empty = [[UnsafeMutableRawPointer]](repeating: [], count: pool.layout.kvHeads)
    keys = .init(repeating: empty, count: pool.layout.layers)
    values = keys
  }

  var byteCount: Int { groups.count { $0 != nil } * pool.groupBytes }

  /// Makes sure the blocks of these positions are there and shared with nobody.
  mutating func reserve(_ positions: Range<Int>) throws {
    let first = positions.lowerBound / KVBlockLayout.tokens
    let end = (positions.upperBound + KVBlockLayout.tokens - 1) / KVBlockLayout.tokens
    // A table of recent tokens may begin late: blocks before `first` are never read.
    while groups.count < first { try add(dropped: true) }
    for index in first..<end {
      if index >= groups.count {
        try add(dropped: false)
      } else if groups[index] != nil {
        guard !isKnownUniquelyReferenced(&groups[index]) else { continue }
        groups[index] = try groups[index]?.copy()
        point(to: index)
      } else {
        groups[index] = try pool.group()
        point(to: index)
      }
    }
  }

  private mutating func add(dropped isDropped: Bool) throws {
    groups.append(isDropped ? nil : try pool.group())
    point(to: groups.count - 1)
  }

  /// Forgets the blocks before `index`.
  mutating func drop(before index: Int) {
    for group in dropped..<max(dropped, min(index, groups.count)) { groups[group] = nil }
    dropped = max(dropped, min(index, groups.count))
  }

  /// Forgets the blocks after `length` tokens.
  mutating func truncate(to length: Int) {
    let kept = (length + KVBlockLayout.tokens - 1) / KVBlockLayout.tokens
    dropped = min(dropped, length / KVBlockLayout.tokens)
    guard kept < groups.count else { return }
    groups.removeLast(groups.count - kept)
    for layer in keys.indices {
      for head in keys[layer].indices {
        keys[layer][head].removeLast(keys[layer][head].count - kept)
        values[layer][head].removeLast(values[layer][head].count - kept)
      }
    }
  }

  /// Addresses of keys, nil for groups that were dropped.
  func shownKeys(_ layer: Int) -> [[UnsafeMutableRawPointer?]] { shown(keys[layer]) }

  /// Addresses of values, nil for groups that were dropped.
  func shownValues(_ layer: Int) -> [[UnsafeMutableRawPointer?]] { shown(values[layer]) }

  private func shown(_ lists: [[UnsafeMutableRawPointer]]) -> [[UnsafeMutableRawPointer?]] {
    lists.map { list in list.indices.map { groups[$0] == nil ? nil : list[$0] } }
  }

  /// Enters the addresses of group `index` into the lists of all layers.
  private mutating func point(to index: Int) {
    let group = groups[index]
    let nowhere = UnsafeMutableRawPointer(bitPattern: 64).unsafelyUnwrapped
    for layer in keys.indices {
      for head in keys[layer].indices {
        let key = group?.keys(layer: layer, head: head) ?? nowhere
        let value = group?.values(layer: layer, head: head) ?? nowhere
        if index < keys[layer][head].count {
          keys[layer][head][index] = key
          values[layer][head][index] = value
        } else {
          keys[layer][head].append(key)
          values[layer][head].append(value)
        }
      }
    }
  }
}

extension Model {
  /// The layout of a cache for this model.
  package func cacheLayout(_ format: KVFormatPair? = nil) -> KVCacheLayout {
    var layout = KVCacheLayout(
      layers: blocks.count, kvHeads: configuration.kvHeads,
      headDimension: configuration.headDimension, format: format ?? precision.cache)
    let scales = blocks.compactMap(\.cacheScales)
    if !scales.isEmpty, scales.count == blocks.count { layout.scales = scales }
    return layout
  }

  /// An empty cache for one sequence.
  ///
  /// - Parameters:
  ///   - format: how keys and values are stored; the precision's own when not given.
  ///   - capacity: the most tokens, the model's context when not given; it may be more, at the
  ///     price of positions the model was not trained for; never more than a table of positions has.
  /// - Throws: `OperatorError` when no kernel stores such a cache.
  package func makeCache(_ format: KVFormatPair? = nil, capacity: Int? = nil) throws
    -> BlockKVCache
  {
    let most = frame.positions.map { max(0, $0.rows - $0.first) } ?? .max
    return try BlockKVCache(
      cacheLayout(format), capacity: min(capacity ?? configuration.context, most))
  }
}
