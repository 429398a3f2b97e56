/// Seconds as a sum of terms, none of them negative, fitted to several sizes of the same work.
///
/// The terms are those of a roofline sum: what is read once, what is done for each sequence or token, what is read of each
/// cached token. Their constants come from what this model's own kernels reached on this machine, so that formats whose
/// kernels stand at different shares of a limit are continued each by its own.
struct CostFit {
  /// Seconds of one unit of each term.
  private let constants: [Double]

  /// Fits constants so that the squares of the relative errors are least.
  ///
  /// - Parameter points: the terms of each size, and its seconds, above zero. With fewer sizes than terms some terms stay out.
  init(_ points: [(terms: [Double], seconds: Double)]) {
    let count = points.first?.terms.count ?? 0
    var best = (error: Double.infinity, constants: [Double](repeating: 0, count: count))
    // Three terms have seven sets: trying each finds the least squares without a negative constant exactly. Small sets come
    // first and stay where larger ones say nothing more.
    let sets = (1..<(1 << count)).sorted { ($0.nonzeroBitCount, $0) < ($1.nonzeroBitCount, $1) }
    for set in sets {
      let places = (0..<count).filter { set >> $0 & 1 == 1 }
      guard let found = Self.leastSquares(points, places) else { continue }
      var constants = [Double](repeating: 0, count: count)
      for (place, value) in zip(places, found) { constants[place] = value }
      let error = points.reduce(0) { sum, point in
        let off = Self.sum(constants, point.terms) / point.seconds - 1
        return sum + off * off
      }
      if error < best.error - 1e-12 { best = (error, constants) }
    }
    constants = best.constants
  }

  func seconds(_ terms: [Double]) -> Double { Self.sum(constants, terms) }

  /// How far the fit of all sizes but the first is from the first, as a share of it; nil where they are too few to tell.
  static func error(_ points: [(terms: [Double], seconds: Double)]) -> Double? {
    guard let first = points.first, points.count > first.terms.count else { return nil }
    return (CostFit(Array(points.dropFirst())).seconds(first.terms) / first.seconds - 1).magnitude
  }

  private static func sum(_ constants: [Double], _ terms: [Double]) -> Double {
    zip(constants, terms).reduce(0) { $0 + $1.0 * $1.1 }
  }

  /// Constants of some of the terms; nil where they are not determined, or one is negative.
  private static func leastSquares(
    _ points: [(terms: [Double], seconds: Double)], _ places: [Int]
  ) -> [Double]? {
    // Terms differ by many orders of magnitude: each is measured in its largest value.
    let scales = places.map { place in points.map { $0.terms[place].magnitude }.max() ?? 0 }
    guard scales.allSatisfy({ $0 > 0 }), points.count >= places.count else { return nil }
    let size = places.count
    var rows = [[Double]](repeating: [Double](repeating: 0, count: size + 1), count: size)
    for point in points {
      let terms = zip(places, scales).map { point.terms[$0] / $1 / point.seconds }
      for i in 0..<size {
        for j in 0..<size { rows[i][j] += terms[i] * terms[j] }
        rows[i][size] += terms[i]
      }
    }
    for column in 0..<size {
      let pivot = (column..<size).max { rows[$0][column].magnitude < rows[$1][column].magnitude }
      guard let pivot, rows[pivot][column].magnitude > 1e-9 * rows[0][0].magnitude else {
        return nil
      }
      rows.swapAt(column, pivot)
      for row in 0..<size where row != column {
        let factor = rows[row][column] / rows[column][column]
        for j in column...size { rows[row][j] -= factor * rows[column][j] }
      }
    }
    let found = (0..<size).map { rows[$0][size] / rows[$0][$0] / scales[$0] }
    return found.allSatisfy { $0 >= 0 } ? found : nil
  }
}
