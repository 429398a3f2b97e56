/// A way to move a cursor.
package enum Motion: Hashable, Sendable {
  case up, down, left, right, pageUp, pageDown, first, last

  /// The index after moving up or down a list.
  package func moved(_ index: Int, count: Int, page: Int = 10) -> Int {
    let target =
      switch self {
      case .up: index - 1
      case .down: index + 1
      case .pageUp: index - max(1, page)
      case .pageDown: index + max(1, page)
      case .first: 0
      case .last: count - 1
      case .left, .right: index
      }
    return min(max(0, target), max(0, count - 1))
  }

  /// -1 for left, 1 for right, else 0.
  package var horizontal: Int { self == .left ? -1 : self == .right ? 1 : 0 }
}

extension Comparable {
  func clamped(_ lowest: Self, _ highest: Self) -> Self { min(max(self, lowest), highest) }
}
