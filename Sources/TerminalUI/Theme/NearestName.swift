/// Finds the known name that a mistyped one most likely meant.
package enum NearestName {
  /// The nearest of `candidates` by Damerau's distance with adjacent swaps; nil when none is near.
  package static func of(_ name: String, among candidates: [String]) -> String? {
    let name = Array(name.prefix(64))
    let scored = candidates.map { (distance(name, Array($0)), $0) }
    guard let best = scored.min(by: { $0.0 < $1.0 }) else { return nil }
    return best.0 <= max(2, name.count / 3) ? best.1 : nil
  }

  private static func distance(_ left: [Character], _ right: [Character]) -> Int {
    var before = [Int](repeating: 0, count: right.count + 1)
    var previous = Array(0...right.count)
    for (row, character) in left.enumerated() {
      var current = [row + 1]
      for (column, other) in right.enumerated() {
        var cost = min(
          previous[column + 1] + 1, current[column] + 1,
          previous[column] + (character == other ? 0 : 1))
        if row > 0, column > 0, character == right[column - 1], left[row - 1] == other {
          cost = min(cost, before[column - 1] + 1)
        }
        current.append(cost)
      }
      before = previous
      previous = current
    }
    return previous[right.count]
  }
}
