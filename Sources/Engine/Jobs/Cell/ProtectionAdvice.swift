package import Models
import Quantization
import Wording

/// Which layers to leave in FP first, why, and what that costs; every number comes from a report.
///
/// Layers are ranked by the KL of each alone quantized where that was measured, else by relative output error times
/// share of the weights.
package struct ProtectionAdvice: Hashable, Sendable {
  /// What layers are ranked by.
  package enum Basis: Hashable, Sendable {
    case aloneKL
    case errorTimesSize
  }

  /// What is to be protected.
  package enum Pattern: Hashable, Sendable {
    /// One projection in every block, by its column.
    case column(Int)
    /// All projections of one block, by its row.
    case row(Int)
    /// Single layers, worst first.
    case cells
    /// No layer stands out: these are merely the worst.
    case none
  }

  package let basis: Basis
  package let pattern: Pattern
  /// Map cells of the layers, worst first.
  package let cells: [CellAddress]
  /// Their part of what all layers sum up to, 0 to 1.
  package let share: Double
  /// Their part of the weights of the linear layers, 0 to 1.
  package let weightShare: Double
  /// Bytes that leaving them in FP adds.
  package let extraBytes: Int
  /// That over the bytes of all weights as they are quantized.
  package let extraShare: Double
  /// A sentence or two, then what it costs.
  package let words: String

  /// Single layers that are named at most.
  private static let mostCells = 3
  /// How many times its fair part a row or a column must hold to be named as one.
  private static let standsOut = 1.7

  private struct Layer {
    var address: CellAddress
    var name: String
    var score: Double
    var weights: Int
    var extraBytes: Int
  }

  /// - Returns: nil for maps that are not of layers, and where nothing is lost.
  package init?(_ map: ErrorMap, of report: QuantizeReport, shape: ModelShape) {
    let isMeasured = map.cells.joined().contains { $0.values[.aloneKL] != nil }
    let layers = Self.layers(map, report, shape, isMeasured: isMeasured)
    let total = layers.reduce(0) { $0 + $1.score }
    guard !layers.isEmpty, total > 0, total.isFinite else { return nil }
    basis = isMeasured ? .aloneKL : .errorTimesSize
    let ranked = layers.sorted {
      ($1.score, $0.address.row, $0.address.column) < ($0.score, $1.address.row, $1.address.column)
    }
    let (pattern, chosen) = Self.choose(ranked, total: total)
    self.pattern = pattern
    cells = chosen.map(\.address)
    share = chosen.reduce(0) { $0 + $1.score } / total
    let weights = layers.reduce(0) { $0 + $1.weights }
    weightShare = Double(chosen.reduce(0) { $0 + $1.weights }) / Double(max(1, weights))
    extraBytes = chosen.reduce(0) { $0 + $1.extraBytes }
    extraShare = Double(extraBytes) / Double(max(1, report.outputBytes))
    words = Self.words(
      pattern, chosen, map: map, basis: basis, share: share, weightShare: weightShare,
      extraBytes: extraBytes, extraShare: extraShare)
  }

  /// The layers that are quantized, with what putting each back would add.
  private static func layers(
    _ map: ErrorMap, _ report: QuantizeReport, _ shape: ModelShape, isMeasured: Bool
  ) -> [Layer] {
    let projections = map.columns.map { Projection(rawValue: $0) }
    guard !projections.contains(nil) else { return [] }
    var bytes: [String: Int] = [:]
    for layer in report.layers { bytes["\(layer.block).\(layer.projection)"] = layer.bytes }
    var layers: [Layer] = []
    for (row, cells) in map.cells.enumerated() where map.rows.indices.contains(row) {
      for (column, cell) in cells.enumerated() where projections.indices.contains(column) {
        let name = "\(map.rows[row]).\(map.columns[column])"
        guard let size = projections[column].flatMap({ shape.size(of: $0) }), let now = bytes[name],
          let value = cell.values[isMeasured ? .aloneKL : .relativeError], value.isFinite
        else { continue }
        let weights = size.rows * size.columns
        guard weights > 0, weights * 2 > now, now >= 0 else { continue }
        let share = Double(weights) / Double(max(1, shape.blockLinearParameters))
        layers.append(
          Layer(
            address: CellAddress(row: row, column: column), name: name,
            score: max(0, isMeasured ? value : value * share), weights: weights,
            extraBytes: weights * 2 - now))
      }
    }
    return layers
  }

  /// A row or column that holds far more than its part, even without its worst layer; else the worst layers.
  private static func choose(_ ranked: [Layer], total: Double) -> (Pattern, [Layer]) {
    func best(_ key: (CellAddress) -> Int) -> (line: Int, excess: Double)? {
      Dictionary(grouping: ranked) { key($0.address) }
        .compactMap { line, layers -> (line: Int, excess: Double)? in
          let fair = Double(layers.count) / Double(ranked.count)
          let rest = layers.dropFirst().reduce(0) { $0 + $1.score } / total
          let fairRest = Double(layers.count - 1) / Double(ranked.count)
          let excess = layers.reduce(0) { $0 + $1.score } / total / fair
          guard layers.count > 1, fair < 1, excess >= standsOut, rest >= fairRest * 1.4 else {
            return nil
          }
          return (line, excess)
        }
        .max { ($0.excess, $1.line) < ($1.excess, $0.line) }
    }
    let column = best(\.column)
    let row = best(\.row)
    if let column, column.excess >= row?.excess ?? 0 {
      return (.column(column.line), ranked.filter { $0.address.column == column.line })
    }
    if let row { return (.row(row.line), ranked.filter { $0.address.row == row.line }) }
    let worst = Array(ranked.prefix(mostCells))
    let fair = Double(worst.count) / Double(ranked.count)
    let stands = worst.reduce(0) { $0 + $1.score } / total >= standsOut * fair
    return (stands ? .cells : .none, worst)
  }

  private static func words(
    _ pattern: Pattern, _ chosen: [Layer], map: ErrorMap, basis: Basis, share: Double,
    weightShare: Double, extraBytes: Int, extraShare: Double
  ) -> String {
    let names = chosen.map(\.name)
    let list =
      names.count > 1
      ? names.dropLast().joined(separator: ", ") + " and " + (names.last ?? "") : names.first ?? ""
    let subject =
      switch pattern {
      case .column(let column): "\(map.columns[column]) in every block"
      case .row(let row):
        row == 0
          ? "the first block"
          : row == map.rows.count - 1 ? "the last block" : "block \(map.rows[row])"
      case .cells, .none: list
      }
    let measure =
      basis == .aloneKL
      ? "of the KL that layers cause alone" : "of the error, each layer's counted by its size"
    let part = Quantity.percent(share)
    var text =
      pattern == .none
      ? "No layer stands out: the worst, \(list), make \(part) \(measure), with "
        + "\(Quantity.percent(weightShare)) of the weights. More bits or smaller groups for all do more."
      : "Protect \(subject) first: \(Quantity.percent(weightShare)) of the weights make \(part) \(measure)."
    if case .cells = pattern {
    } else if pattern != .none, let worst = chosen.first {
      text += " Worst is \(worst.name)"
      text += basis == .aloneKL ? ", KL \(Quantity.significant(worst.score))." : "."
    }
    text +=
      " In FP \(chosen.count > 1 ? "they cost" : "it costs") \(Quantity.bytes(extraBytes)) more, "
      + "\(Quantity.percent(extraShare)) of the model."
    return text
  }
}
