/// Input columns of a layer of which the calibration text says nothing, or next to nothing.
///
/// What a method finds from inputs does not hold for them: a token that does reach one meets weights that nothing was fitted
/// for.
package struct SilentColumns: Hashable, Sendable {
  /// Columns that were 0 on the whole text.
  package let dead: [Int]
  /// Columns whose inputs are a thousandth of the usual size, or less.
  package let starved: [Int]
  private let columns: Int

  private static let starvedShare: Float = 1e-3
  /// Columns that are named one by one.
  private static let named = 12

  /// - Parameter sizes: how large the inputs of each column are, 0 for none, `[columns]`.
  package init(sizes: [Float]) {
    columns = sizes.count
    dead = sizes.indices.filter { sizes[$0] == 0 }
    let alive = sizes.filter { $0 > 0 }.sorted()
    let usual = alive.isEmpty ? 0 : alive[alive.count / 2]
    starved = sizes.indices.filter { sizes[$0] > 0 && sizes[$0] < usual * Self.starvedShare }
  }

  /// One sentence, nil where every column is heard of.
  ///
  /// - Parameters:
  ///   - outcome: what becomes of the weights of dead columns.
  ///   - starvedOutcome: what becomes of those of starved ones; nil where nothing special does.
  package func words(outcome: String, starvedOutcome: String? = nil) -> String? {
    var parts: [String] = []
    if !dead.isEmpty {
      parts.append(
        "\(dead.count) of \(columns) input columns \(dead.count == 1 ? "is a dead column" : "are dead columns")"
          + ", 0 on the whole calibration text (\(Self.list(dead))): \(outcome)")
    }
    if !starved.isEmpty {
      parts.append(
        "\(starved.count) of \(columns) input columns \(starved.count == 1 ? "is" : "are") starved, below a "
          + "thousandth of the usual size (\(Self.list(starved)))"
          + (starvedOutcome.map { ": \($0)" } ?? ""))
    }
    return parts.isEmpty ? nil : parts.joined(separator: "; ")
  }

  private static func list(_ columns: [Int]) -> String {
    columns.prefix(named).map { "\($0)" }.joined(separator: ", ")
      + (columns.count > named ? ", ..." : "")
  }
}

extension BlockDraft.Layer {
  /// Notes the columns that calibration does not reach, and what a method makes of their weights.
  mutating func take(_ silent: SilentColumns, dead: String, starved: String?) {
    self.silent = silent
    if let words = silent.words(outcome: dead, starvedOutcome: starved) { note(words) }
  }
}
