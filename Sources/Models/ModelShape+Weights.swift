package import Tensors

/// What the linear layers of the blocks take in a format: the same sum as that of a weight that is stored so.
extension ModelShape {
  /// A format as layers of these widths have it: a group that does not divide all of them gives way to the nearest that does,
  /// the smaller of two, and to a scale a row where none does.
  package func fitted(_ format: WeightFormat) -> WeightFormat {
    guard case .group(let size) = format.granularity else { return format }
    let widths = linears.map(\.columns)
    func divides(_ group: Int) -> Bool { widths.allSatisfy { $0 % group == 0 } }
    guard size < 1 || !divides(size) else { return format }
    var format = format
    let nearest = WeightFormat.usualGroups.filter(divides).min {
      ($0 - size).magnitude < ($1 - size).magnitude
    }
    format.granularity = nearest.map { .group(size: $0) } ?? .channel
    return format
  }

  /// Bits of a weight in a format, scales and zero points included, over all linear layers of the blocks.
  package func bitsPerWeight(_ format: WeightFormat) -> Double {
    let format = fitted(format)
    let weights = linears.reduce(0) { $0 + $1.rows * $1.columns }
    let bytes = linears.reduce(0) { $0 + format.byteCount(rows: $1.rows, columns: $1.columns) }
    return weights > 0 ? Double(bytes) * 8 / Double(weights) : Double(format.bits)
  }
}
