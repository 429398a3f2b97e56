/// Which of some points no other is better than on both axes.
package enum Frontier {
  /// - Parameter points: lower is better on both axes.
  /// - Returns: for each whether it is on the frontier; of equal points all are.
  package static func members(_ points: [(x: Double, y: Double)]) -> [Bool] {
    points.map { point in
      !points.contains { other in
        other.x <= point.x && other.y <= point.y && (other.x < point.x || other.y < point.y)
      }
    }
  }
}
