#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A way from values to places along an axis, linear or logarithmic, that accepts any range.
package struct Scale: Hashable, Sendable {
  package enum Kind: String, Hashable, Sendable, Codable, CaseIterable {
    case linear, logarithmic
  }

  package let kind: Kind
  /// The value at place 0; on a logarithmic scale above 0.
  package let low: Double
  /// The value at place 1, above `low`.
  package let high: Double

  /// A scale over a range.
  ///
  /// What is not finite or not in order is replaced: by 0...1, or by three decades.
  package init(_ kind: Kind, from first: Double, to last: Double) {
    self.kind = kind
    var low = Self.bounded(min(first, last))
    var high = Self.bounded(max(first, last))
    switch kind {
    case .linear:
      if high - low <= abs(low) * 1e-12 {
        let room = max(abs(low) * 0.5, 0.5)
        (low, high) = (low - room, high + room)
      }
    case .logarithmic:
      if high <= 0 { high = 1 }
      if low <= 0 { low = high / 1000 }
      // Within 600 decades nothing over- or underflows below.
      low = max(low, 1e-300)
      high = max(high, low)
      if high / low < 1.000_001 { (low, high) = (low / 3, high * 3) }
    }
    self.low = low
    self.high = high
  }

  /// A scale over all finite values (the positive ones, when logarithmic) with a little room.
  package init(_ kind: Kind, covering values: some Sequence<Double>) {
    var low = Double.infinity
    var high = -Double.infinity
    for value in values where value.isFinite && (kind == .linear || value > 0) {
      low = min(low, value)
      high = max(high, value)
    }
    guard low <= high else {
      self.init(kind, from: kind == .linear ? 0 : 0.001, to: 1)
      return
    }
    switch kind {
    case .linear:
      let room = (high - low) * 0.05
      self.init(kind, from: low >= 0 && low < (high - low) / 2 ? 0 : low - room, to: high + room)
    case .logarithmic: self.init(kind, from: low / 1.2, to: high * 1.2)
    }
  }

  /// Where a value lies, 0 to 1 inside of the range; nil when it cannot be shown on this scale.
  package func place(_ value: Double) -> Double? {
    guard value.isFinite else { return nil }
    switch kind {
    case .linear: return (value - low) / (high - low)
    case .logarithmic:
      guard value > 0 else { return nil }
      return (log2(value) - log2(low)) / (log2(high) - log2(low))
    }
  }

  /// The value at a place.
  package func value(at place: Double) -> Double {
    switch kind {
    case .linear: low + (high - low) * place
    case .logarithmic: exp2(log2(low) + (log2(high) - log2(low)) * place)
    }
  }

  /// About `count` round values inside of the range, rising.
  package func ticks(_ count: Int) -> [Double] {
    let count = min(max(1, count), 20)
    let exact = kind == .linear ? linearTicks(count) : decadeTicks(count)
    return exact.filter { value in
      guard let place = place(value) else { return false }
      return place >= -1e-9 && place <= 1 + 1e-9
    }
  }

  private func linearTicks(_ count: Int) -> [Double] {
    let rough = (high - low) / Double(count)
    let power = pow(10, floor(log10(rough)))
    let step = power * ([1, 2, 5, 10].first { $0 * power >= rough * 0.999 } ?? 10)
    guard step > 0, step.isFinite else { return [low, high] }
    let start = (low / step).rounded(.up)
    return (0...(count + 1)).map { (start + Double($0)) * step }
  }

  private func decadeTicks(_ count: Int) -> [Double] {
    let first = Int(floor(log10(low)))
    let last = Int(ceil(log10(high)))
    let decades = last - first
    if decades <= 2 {
      let steps: [Double] = decades * 3 <= count + 2 ? [1, 2, 5] : [1, 3]
      return (first...last).flatMap { decade in steps.map { $0 * pow(10, Double(decade)) } }
    }
    let stride = max(1, (decades + count - 1) / count)
    return Swift.stride(from: first, through: last, by: stride).map { pow(10, Double($0)) }
  }

  private static func bounded(_ value: Double) -> Double {
    value.isNaN ? 0 : min(max(value, -1e300), 1e300)
  }
}

/// How the values of a heatmap become places on its ramp.
package enum HeatScale: String, Hashable, Sendable, Codable, CaseIterable {
  case linear
  /// Logarithmic, for values over several decades; values of 0 and less take the lowest colour.
  case logarithmic = "log"
  /// By rank: every colour is used by the same number of cells.
  case percentile
}
