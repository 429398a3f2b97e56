/// The cached prefixes of one machine: which nodes of a tree are there, who holds them, and which may go first.
///
/// A node is there only with its parent. Sequences pin the deepest node they share, and a pinned node pins its parent; what
/// nobody pins stays until its blocks are needed, and leaves with what was used longest ago first, from the leaves up.
struct PrefixBlocks {
  /// Whole blocks from the start of the prompt to the end of each node.
  private let shared: [Int32]
  private let parents: [Int32]
  private let tokensOfBlock: Int
  private var isThere: [Bool]
  private var pins: [Int32]
  private var children: [Int32]
  private var next: [Int32]
  private var previous: [Int32]
  /// Whether a node is in the list of those that may go.
  private var isListed: [Bool]
  private var first: Int32 = -1
  private var last: Int32 = -1
  /// Blocks of all nodes that are there, and of those that are pinned.
  private(set) var blocks = 0
  private(set) var pinned = 0

  init(_ tree: PrefixTree, blockTokens: Int) {
    let count = tree.nodes.count
    shared = tree.nodes.map { Int32(clamping: $0.tokens / blockTokens) }
    parents = tree.nodes.map { Int32(clamping: $0.parent ?? -1) }
    tokensOfBlock = blockTokens
    isThere = .init(repeating: false, count: count)
    pins = .init(repeating: 0, count: count)
    children = pins
    next = .init(repeating: -1, count: count)
    previous = next
    isListed = isThere
  }

  /// Blocks that could be given back.
  var evictable: Int { blocks - pinned }

  /// Whole blocks up to the end of a node; 0 for none.
  func sharedBlocks(_ node: Int32) -> Int { node < 0 ? 0 : Int(shared[Int(node)]) }

  func sharedTokens(_ node: Int32) -> Int { sharedBlocks(node) * tokensOfBlock }

  private func own(_ node: Int32) -> Int {
    sharedBlocks(node) - sharedBlocks(parents[Int(node)])
  }

  /// The deepest node on the way to `node` that is there and ends before `tokens`; -1 for none.
  func found(towards node: Int32, before tokens: Int) -> Int32 {
    var node = node
    while node >= 0, !isThere[Int(node)] || sharedTokens(node) >= tokens {
      node = parents[Int(node)]
    }
    return node
  }

  /// What pinning a node would add to what is pinned.
  func unpinned(upTo node: Int32) -> Int {
    var node = node
    var sum = 0
    while node >= 0, pins[Int(node)] == 0 {
      sum += own(node)
      node = parents[Int(node)]
    }
    return sum
  }

  mutating func pin(_ node: Int32) {
    var node = node
    while node >= 0 {
      let index = Int(node)
      pins[index] += 1
      guard pins[index] == 1 else { return }
      pinned += own(node)
      if isListed[index] { unlist(node) }
      node = parents[index]
    }
  }

  mutating func unpin(_ node: Int32) {
    var node = node
    while node >= 0 {
      let index = Int(node)
      pins[index] -= 1
      guard pins[index] == 0 else { return }
      pinned -= own(node)
      if children[index] == 0 { listLast(node) }
      node = parents[index]
    }
  }

  /// The nodes from `held` to `goal` that are computed once `tokens` tokens are, in order.
  func missing(from held: Int32, to goal: Int32, tokens: Int) -> [Int32] {
    var way: [Int32] = []
    var node = goal
    while node >= 0, node != held {
      if Int(shared[Int(node)]) * tokensOfBlock <= tokens { way.append(node) }
      node = parents[Int(node)]
    }
    // A sequence that does not hold the beginning cannot hand over what comes after it.
    return node == held ? way.reversed() : []
  }

  func contains(_ node: Int32) -> Bool { isThere[Int(node)] }

  /// Takes blocks that a sequence computed, which pinned the node's parent and pins the node from now on.
  ///
  /// - Returns: the blocks that are no longer its own.
  mutating func enter(_ node: Int32) -> Int {
    let index = Int(node)
    isThere[index] = true
    pins[index] = 1
    let own = own(node)
    blocks += own
    pinned += own
    if parents[index] >= 0 { children[Int(parents[index])] += 1 }
    return own
  }

  /// Lets go of the node that was used longest ago.
  ///
  /// - Returns: the node and its blocks; nil where all are pinned.
  mutating func evict() -> (node: Int32, blocks: Int)? {
    guard first >= 0 else { return nil }
    let node = first
    unlist(node)
    isThere[Int(node)] = false
    let own = own(node)
    blocks -= own
    let parent = parents[Int(node)]
    if parent >= 0 {
      children[Int(parent)] -= 1
      if children[Int(parent)] == 0, pins[Int(parent)] == 0 { listFirst(parent) }
    }
    return (node, own)
  }

  private mutating func listLast(_ node: Int32) {
    let index = Int(node)
    isListed[index] = true
    previous[index] = last
    next[index] = -1
    if last >= 0 { next[Int(last)] = node } else { first = node }
    last = node
  }

  private mutating func listFirst(_ node: Int32) {
    let index = Int(node)
    isListed[index] = true
    previous[index] = -1
    next[index] = first
    if first >= 0 { previous[Int(first)] = node } else { last = node }
    first = node
  }

  private mutating func unlist(_ node: Int32) {
    let index = Int(node)
    isListed[index] = false
    let (before, after) = (previous[index], next[index])
    if before >= 0 { next[Int(before)] = after } else { first = after }
    if after >= 0 { previous[Int(after)] = before } else { last = before }
  }
}
