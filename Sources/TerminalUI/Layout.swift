/// How much of an extent one part of a split asks for.
package enum Length: Hashable, Sendable {
  /// This many cells.
  case fixed(Int)
  /// This part (0...1) of the extent, spacing taken off.
  case fraction(Double)
  /// A share of what the others leave, by weight, at least `min` cells.
  case fill(weight: Int = 1, min: Int = 0)
}

extension Rect {
  /// Splits side by side.
  ///
  /// There is always one rectangle for each length, possibly empty.
  package func columns(_ lengths: [Length], spacing: Int = 0) -> [Rect] {
    var left = x
    return Self.extents(of: width, lengths, spacing: spacing).map { extent in
      let part = Rect(x: left, y: y, width: extent, height: height).intersection(self)
      left += extent + max(0, spacing)
      return part
    }
  }

  /// Splits one above the other.
  ///
  /// There is always one rectangle for each length, possibly empty.
  package func rows(_ lengths: [Length], spacing: Int = 0) -> [Rect] {
    var top = y
    return Self.extents(of: height, lengths, spacing: spacing).map { extent in
      let part = Rect(x: x, y: top, width: width, height: extent).intersection(self)
      top += extent + max(0, spacing)
      return part
    }
  }

  /// Cells for each length.
  ///
  /// When there is not enough room, the last parts shrink first.
  private static func extents(of total: Int, _ lengths: [Length], spacing: Int) -> [Int] {
    guard !lengths.isEmpty else { return [] }
    let gaps = min(total, max(0, min(spacing, total)) * (lengths.count - 1))
    let available = max(0, total - gaps)
    var extents = lengths.map { length in
      switch length {
      case .fixed(let cells): min(max(0, cells), available)
      case .fraction(let part): cells(part, of: available)
      case .fill(_, let least): min(max(0, least), available)
      }
    }
    var left = available - extents.reduce(0, +)
    var index = extents.count - 1
    while left < 0, index >= 0 {
      let taken = min(extents[index], -left)
      extents[index] -= taken
      left += taken
      index -= 1
    }
    share(left, among: lengths, into: &extents)
    return extents
  }

  private static func cells(_ part: Double, of available: Int) -> Int {
    guard part.isFinite else { return 0 }
    return Int((min(max(part, 0), 1) * Double(available)).rounded())
  }

  /// Hands `left` cells to the parts that fill; the last of them takes what rounding leaves.
  private static func share(_ left: Int, among lengths: [Length], into extents: inout [Int]) {
    var weights = lengths.map { length in
      if case .fill(let weight, _) = length { min(max(0, weight), 1000) } else { 0 }
    }
    var rest = left
    for index in weights.indices where weights[index] > 0 && rest > 0 {
      let given = rest * weights[index] / max(1, weights.reduce(0, +))
      extents[index] += given
      rest -= given
      weights[index] = 0
    }
  }
}
