import Tensors

/// Where along its inputs a weight was changed, and how wide its steps are there.
///
/// Plain rounding leaves an error of `step^2 / 12` on average. A method that pushes the errors of one column onto later
/// ones leaves more in those, on purpose: the ratio shows where it went.
struct ColumnErrors {
  /// Mean squared change of each input channel over the mean of `step^2 / 12`, `[columns]`; 0 where all steps are 0.
  let ratios: [Double]
  /// Scale of each group of input channels, mean over the rows, `[groups]`.
  let groupScales: [Double]

  /// From how many times plain rounding on a channel is named.
  private static let notable = 2.0
  /// Channels that are named at most.
  private static let named = 12

  /// - Parameter original: what the weight was made from, `[rows, columns]`, scales that a method moved included.
  init(original: [Float], weight: IntegerWeight) {
    let rows = weight.rows
    let columns = weight.columns
    let groups = weight.groups
    let groupSize = weight.format.groupSize(columns: columns)
    var squares = [Double](repeating: 0, count: columns)
    var sums = [Double](repeating: 0, count: groups)
    var steps = [Double](repeating: 0, count: groups)
    var values = [Float](repeating: 0, count: columns)
    for row in 0..<rows {
      values.withUnsafeMutableBufferPointer {
        if let base = $0.baseAddress { weight.dequantize(rows: row..<row + 1, into: base) }
      }
      for column in 0..<columns {
        let change = Double(values[column] - original[row * columns + column])
        squares[column] += change * change
      }
      for group in 0..<groups {
        let scale = Double(weight.scale(row: row, group: group))
        sums[group] += scale
        steps[group] += scale * scale / 12
      }
    }
    ratios = squares.enumerated().map { column, square in
      let expected = steps[min(column / groupSize, groups - 1)]
      return expected > 0 ? square / expected : 0
    }
    groupScales = sums.map { $0 / Double(max(1, rows)) }
  }

  /// The channels that hold the most, at least twice what plain rounding leaves.
  var largest: [CellDetail.Outlier] {
    ratios.enumerated().filter { $0.element >= Self.notable }
      .sorted { ($1.element, $0.offset) < ($0.element, $1.offset) }
      .prefix(Self.named).map { CellDetail.Outlier(channel: $0.offset, ratio: $0.element) }
  }
}
