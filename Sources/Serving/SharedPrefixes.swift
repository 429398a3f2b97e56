/// Which of the ids that prompts begin with are common to several: a tree of all of them, cut down to those.
struct SharedPrefixes {
  private struct Key: Hashable {
    var parent: Int32
    var id: Int
  }

  private struct Node {
    var parent: Int32
    var tokens: Int
    var uses = 0
  }

  private var numbers: [Key: Int32] = [:]
  private var nodes: [Node] = []
  /// The last node of each prompt; -1 for one without ids.
  private var ends: [Int32] = []

  mutating func add(_ ids: [Int], prompt: Int) {
    var node: Int32 = -1
    for (place, id) in ids.enumerated() {
      let key = Key(parent: node, id: id)
      let tokens = min((place + 1) * TraceFile.hashedTokens, prompt)
      if let known = numbers[key] {
        node = known
        // A last piece that is not full holds what all that share it have.
        nodes[Int(node)].tokens = min(nodes[Int(node)].tokens, tokens)
      } else {
        nodes.append(Node(parent: node, tokens: tokens))
        node = Int32(nodes.count - 1)
        numbers[key] = node
      }
      nodes[Int(node)].uses += 1
    }
    ends.append(node)
  }

  /// The tree of what two or more prompts have, and the deepest node of each prompt in it.
  func common() -> (tree: PrefixTree, ends: [Int?]) {
    var tree = PrefixTree()
    var places = [Int?](repeating: nil, count: nodes.count)
    for (index, node) in nodes.enumerated() {
      let parent = node.parent < 0 ? nil : places[Int(node.parent)]
      if node.uses > 1 {
        places[index] = tree.add(parent: parent, tokens: node.tokens)
      } else {
        places[index] = parent
      }
    }
    return (tree, ends.map { $0 < 0 ? nil : places[Int($0)] })
  }
}
