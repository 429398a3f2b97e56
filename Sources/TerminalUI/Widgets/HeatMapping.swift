#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The way from values to places on a heat ramp, with the figures of the legend.
package struct HeatMapping: Hashable, Sendable {
  package let scale: HeatScale
  /// Least, middle and largest finite value; nil when there is none.
  package let minimum: Double?
  package let median: Double?
  package let maximum: Double?
  private let sorted: [Double]
  private let low: Double
  private let high: Double

  /// Sorts the values once: O(n log n).
  package init(_ values: [Double], scale: HeatScale, domain: ClosedRange<Double>? = nil) {
    self.scale = scale
    let sorted = values.filter(\.isFinite).sorted()
    self.sorted = scale == .percentile ? sorted : []
    minimum = sorted.first
    maximum = sorted.last
    median = sorted.isEmpty ? nil : sorted[sorted.count / 2]
    let first = domain?.lowerBound ?? sorted.first ?? 0
    let last = domain?.upperBound ?? sorted.last ?? 1
    if scale == .logarithmic {
      let leastPositive = sorted.first { $0 > 0 } ?? 1e-9
      low = first > 0 ? first : leastPositive
      high = max(last, low)
    } else {
      low = first
      high = last
    }
  }

  /// Where a value lies, 0 to 1; nil for a missing one.
  ///
  /// A map of equal values is all in the middle.
  package func place(_ value: Double) -> Double? {
    guard value.isFinite else { return nil }
    switch scale {
    case .linear:
      let span = high - low
      return span > 0 && span.isFinite ? min(max((value - low) / span, 0), 1) : 0.5
    case .logarithmic:
      guard value > 0 else { return 0 }
      let span = log2(high) - log2(low)
      return span > 0 ? min(max((log2(value) - log2(low)) / span, 0), 1) : 0.5
    case .percentile:
      guard sorted.count > 1 else { return 0.5 }
      let below = bound { $0 < value }
      let through = max(below + 1, bound { $0 <= value })
      return min(max(Double(below + through - 1) / 2 / Double(sorted.count - 1), 0), 1)
    }
  }

  /// How many sorted values fulfil a condition that holds for the first ones only.
  private func bound(_ condition: (Double) -> Bool) -> Int {
    var first = 0
    var last = sorted.count
    while first < last {
      let middle = (first + last) / 2
      if condition(sorted[middle]) { first = middle + 1 } else { last = middle }
    }
    return first
  }
}
