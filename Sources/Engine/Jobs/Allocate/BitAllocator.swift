/// Chooses one of several widths for each layer, so that the sum of their losses is least within a budget of bytes.
///
/// A knapsack with one choice a layer, solved exactly where byte counts have a large common divisor, as those of real
/// layers have, else for counts rounded up to a small unit, so that what comes out always fits; equal sums go to the choice that is found first, so that the same numbers give the same answer.
package enum BitAllocator {
  /// One layer's widths.
  package struct Layer {
    /// Bytes at each width.
    package var bytes: [Int]
    /// What is lost at each width.
    package var losses: [Double]

    package init(bytes: [Int], losses: [Double]) {
      self.bytes = bytes
      self.losses = losses
    }
  }

  /// The budget is counted in this many units at least, where its bytes have no larger unit in common.
  private static let units = 20_000
  /// Units of a common size at most.
  private static let mostUnits = 200_000

  /// The index of the width of each layer; nil when the narrowest widths do not fit.
  package static func choose(_ layers: [Layer], budget: Int) -> [Int]? {
    let common = layers.lazy.flatMap(\.bytes).reduce(0, divisor)
    let unit = common > 0 && budget / common <= mostUnits ? common : max(1, budget / units)
    let room = budget / unit
    // least[used]: the least loss with exactly the units `used` or fewer, after the layers so far.
    var least = [Double](repeating: 0, count: room + 1)
    var taken: [[Int8]] = []
    for layer in layers {
      var next = [Double](repeating: .infinity, count: room + 1)
      var choice = [Int8](repeating: -1, count: room + 1)
      for (width, (bytes, loss)) in zip(layer.bytes, layer.losses).enumerated() {
        let cost = (bytes + unit - 1) / unit
        guard cost <= room else { continue }
        for used in cost...room where least[used - cost] + loss < next[used] {
          next[used] = least[used - cost] + loss
          choice[used] = Int8(width)
        }
      }
      least = next
      taken.append(choice)
    }
    guard least[room].isFinite else { return narrowest(layers, budget: budget) }
    var chosen = [Int](repeating: 0, count: layers.count)
    var used = room
    for index in layers.indices.reversed() {
      let width = Int(taken[index][used])
      chosen[index] = width
      used -= (layers[index].bytes[width] + unit - 1) / unit
    }
    return chosen
  }

  /// The fewest bytes of each layer where those fit and only the rounding to units does not.
  private static func narrowest(_ layers: [Layer], budget: Int) -> [Int]? {
    let chosen = layers.map { layer in
      layer.bytes.indices.min { layer.bytes[$0] < layer.bytes[$1] } ?? 0
    }
    let total = zip(layers, chosen).reduce(0) { $0 + $1.0.bytes[$1.1] }
    return total <= budget ? chosen : nil
  }

  /// The greatest common divisor.
  private static func divisor(_ first: Int, _ second: Int) -> Int {
    var (larger, smaller) = (first, second)
    while smaller != 0 { (larger, smaller) = (smaller, larger % smaller) }
    return larger
  }
}
