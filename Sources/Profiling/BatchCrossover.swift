import Glibc

/// Two forms held against each other over batches: who is faster, and where that changes.
package struct BatchCrossover: Hashable, Sendable, Codable {
  /// Both forms at one batch.
  package struct Comparison: Hashable, Sendable, Codable {
    package var batch: Int
    /// Tokens per second of the first form over those of the second.
    package var ratio: Double
    /// Whether one of them is faster beyond the noise.
    package var isDecided: Bool

    package init(batch: Int, ratio: Double, isDecided: Bool) {
      self.batch = batch
      self.ratio = ratio
      self.isDecided = isDecided
    }
  }

  /// A batch at which the faster form is another one.
  package struct Change: Hashable, Sendable, Codable {
    /// Interpolated in log batch between those that were measured.
    package var batch: Double
    /// The form that is faster beyond it.
    package var faster: String
    /// The decided batches on both sides.
    package var from: Int
    package var to: Int
  }

  package var first: String
  package var second: String
  /// By batch, ascending.
  package var comparisons: [Comparison]
  /// The form that is faster at the smallest batch with a decision; nil where they are alike throughout.
  package var start: String?
  package var changes: [Change]

  /// A ratio nearer to 1 than this decides nothing.
  package static let noise = 0.02

  package init(first: String, second: String, comparisons: [Comparison]) {
    self.first = first
    self.second = second
    let sorted = comparisons.filter { $0.ratio > 0 && $0.ratio.isFinite }
      .sorted { $0.batch < $1.batch }
    self.comparisons = sorted
    let decided = sorted.indices.filter { sorted[$0].isDecided }
    func faster(_ index: Int) -> String { sorted[index].ratio > 1 ? first : second }
    start = decided.first.map(faster)
    changes = zip(decided, decided.dropFirst()).compactMap { low, high in
      guard faster(low) != faster(high) else { return nil }
      return Change(
        batch: Self.crossing(sorted[low...high]), faster: faster(high), from: sorted[low].batch,
        to: sorted[high].batch)
    }
  }

  /// Where the ratio first passes 1 between comparisons on both sides of it.
  private static func crossing(_ comparisons: ArraySlice<Comparison>) -> Double {
    for (here, next) in zip(comparisons, comparisons.dropFirst()) {
      let left = log2(here.ratio)
      let right = log2(next.ratio)
      guard left * right <= 0, left != right else { continue }
      let low = log2(Double(here.batch))
      return exp2(low + (log2(Double(next.batch)) - low) * left / (left - right))
    }
    return Double(comparisons.last?.batch ?? 0)
  }

  /// Holds the rounds of two forms against each other, the first of one against the first of the other.
  ///
  /// The ratio is the median of theirs; it decides when it lies off 1 by more than the noise and three rounds of four agree.
  package static func compare(batch: Int, _ first: [Double], _ second: [Double]) -> Comparison {
    let ratios = zip(first, second).compactMap { $1 > 0 && $0 > 0 ? $0 / $1 : nil }
    let ratio = SpeedMeasure.median(ratios)
    let agreeing = ratios.count { ($0 > 1) == (ratio > 1) }
    return Comparison(
      batch: batch, ratio: ratio,
      isDecided: ratio > 0 && abs(ratio - 1) >= noise && agreeing * 4 >= ratios.count * 3)
  }
}

extension BatchReport {
  /// Every pair of forms, the later one first: what was measured.
  package func crossovers(of figure: BatchFigure = .decode) -> [BatchCrossover] {
    pairs.map { first, second in crossover(first, second, of: figure) }
  }

  /// Two forms as they were measured.
  package func crossover(
    _ first: String, _ second: String, of figure: BatchFigure = .decode
  ) -> BatchCrossover {
    crossover(first, second) { left, right in
      BatchCrossover.compare(batch: left.batch, figure.rounds(left), figure.rounds(right))
    }
  }

  /// Two forms as the limits of the machine would have them decode.
  package func limitCrossover(_ first: String, _ second: String) -> BatchCrossover {
    crossover(first, second) { left, right in
      let ratio = right.limitSeconds / max(left.limitSeconds, 1e-12)
      return BatchCrossover.Comparison(
        batch: left.batch, ratio: ratio, isDecided: abs(ratio - 1) >= BatchCrossover.noise)
    }
  }

  private var pairs: [(String, String)] {
    forms.indices.flatMap { later in
      forms[..<later].map { (forms[later].name, $0.name) }
    }
  }

  private func crossover(
    _ first: String, _ second: String,
    _ compare: (Point, Point) -> BatchCrossover.Comparison
  ) -> BatchCrossover {
    let comparisons = points(of: first).compactMap { point in
      self.point(second, batch: point.batch).map { compare(point, $0) }
    }
    return BatchCrossover(first: first, second: second, comparisons: comparisons)
  }

  /// The batch at which a decode step stops being bound by memory, interpolated in log batch; nil where all batches that
  /// were measured lie on one side.
  package func bend(of form: String) -> Double? {
    let points = points(of: form).filter { $0.memorySeconds > 0 && $0.computeSeconds > 0 }
    let comparisons = points.map { point in
      BatchCrossover.Comparison(
        batch: point.batch, ratio: point.computeSeconds / point.memorySeconds, isDecided: true)
    }
    return BatchCrossover(first: "compute", second: "memory", comparisons: comparisons)
      .changes.first?.batch
  }
}
