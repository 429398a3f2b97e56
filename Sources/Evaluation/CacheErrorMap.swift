/// What quantizing keys and values does to attention, for each layer and KV head.
///
/// Relative errors are `sqrt(sum |found - expected|^2 / sum |expected|^2)` over the probed queries of all heads that share
/// the KV head; the expected side reads an FP16 cache, with the same queries, keys and values.
package struct CacheErrorMap: Hashable, Sendable, Codable {
  /// What is compared.
  package enum Side: String, Hashable, Sendable, Codable, CaseIterable {
    /// Scores `q k` before the softmax, keys from the cache.
    case scores
    /// The output of attention with only keys quantized.
    case keys
    /// The output of attention with only values quantized.
    case values
    /// The output of attention with both quantized.
    case both
  }

  /// `[layers][kvHeads]`.
  package var scores: [[Double]]
  /// Root mean square error of `q k / sqrt(headDimension)`, which the softmax sees, `[layers][kvHeads]`.
  package var scoreShift: [[Double]]
  package var keys: [[Double]]
  package var values: [[Double]]
  package var both: [[Double]]
  /// Decoded tokens that were looked at.
  package var probes: Int

  package init(
    scores: [[Double]], scoreShift: [[Double]], keys: [[Double]], values: [[Double]],
    both: [[Double]], probes: Int
  ) {
    self.scores = scores
    self.scoreShift = scoreShift
    self.keys = keys
    self.values = values
    self.both = both
    self.probes = probes
  }

  package subscript(side: Side) -> [[Double]] {
    switch side {
    case .scores: scores
    case .keys: keys
    case .values: values
    case .both: both
    }
  }

  /// A layer and head with its error.
  package struct Place: Hashable, Sendable, Codable {
    package var layer: Int
    package var head: Int
    package var error: Double

    package init(layer: Int, head: Int, error: Double) {
      self.layer = layer
      self.head = head
      self.error = error
    }
  }

  /// Where the error is largest; nil for a map without cells.
  package func worst(_ side: Side) -> Place? {
    var found: Place?
    for (layer, heads) in self[side].enumerated() {
      for (head, error) in heads.enumerated() where !(error <= found?.error ?? -1) {
        found = Place(layer: layer, head: head, error: error)
      }
    }
    return found
  }

  /// The mean of all cells.
  package func mean(_ side: Side) -> Double {
    let cells = self[side].flatMap { $0 }
    return cells.isEmpty ? 0 : cells.reduce(0, +) / Double(cells.count)
  }
}

/// Sums of one cell of a `CacheErrorMap`.
struct RelativeError {
  private(set) var difference = 0.0
  private(set) var whole = 0.0
  private(set) var count = 0

  mutating func add(_ found: Float, expected: Float) {
    let gap = Double(found) - Double(expected)
    difference += gap * gap
    whole += Double(expected) * Double(expected)
    count += 1
  }

  /// 0 where nothing differs, infinite where something does from nothing.
  var relative: Double {
    difference == 0 ? 0 : whole > 0 ? (difference / whole).squareRoot() : .infinity
  }

  /// Root mean square of the difference.
  var rootMeanSquare: Double { count > 0 ? (difference / Double(count)).squareRoot() : 0 }
}
