/// What prompts have in common at their start, as a tree: each node continues its parent by some tokens.
package struct PrefixTree: Hashable, Sendable, Codable {
  /// A stretch of tokens that several prompts have after the same beginning.
  package struct Node: Hashable, Sendable, Codable {
    /// nil for one at the very start.
    package var parent: Int?
    /// Tokens from the start of the prompt to the end of this node.
    package var tokens: Int

    package init(parent: Int?, tokens: Int) {
      self.parent = parent
      self.tokens = tokens
    }
  }

  /// Parents come before their children.
  package private(set) var nodes: [Node] = []

  package init() {}

  /// Adds a node and yields its number.
  ///
  /// - Parameter tokens: from the start of the prompt; more than its parent's.
  package mutating func add(parent: Int?, tokens: Int) -> Int {
    nodes.append(Node(parent: parent, tokens: tokens))
    return nodes.count - 1
  }
}
