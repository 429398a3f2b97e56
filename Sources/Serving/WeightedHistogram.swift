import Glibc

/// Values with weights, counted in bins: percentiles over tokens or over time, in little memory.
struct WeightedHistogram {
  /// Where a value belongs and what a bin stands for.
  enum Scale {
    /// Bins of one unit.
    case linear(unit: Double)
    /// Bins whose borders lie `1 / perDecade` of a power of ten apart.
    case logarithmic(smallest: Double, perDecade: Double)
  }

  private let scale: Scale
  private var bins: [Double]
  private var sum = 0.0
  private var weight = 0.0
  private var largest = 0.0

  init(_ scale: Scale, bins: Int) {
    self.scale = scale
    self.bins = .init(repeating: 0, count: bins)
  }

  mutating func add(_ value: Double, weight: Double) {
    guard weight > 0 else { return }
    let place: Double
    switch scale {
    case .linear(let unit): place = (value / unit).rounded()
    case .logarithmic(let smallest, let perDecade):
      place = value > smallest ? (log10(value / smallest) * perDecade).rounded() : 0
    }
    bins[Int(min(max(0, place), Double(bins.count - 1)))] += weight
    sum += value * weight
    self.weight += weight
    largest = max(largest, value)
  }

  private func value(_ bin: Int) -> Double {
    switch scale {
    case .linear(let unit): Double(bin) * unit
    case .logarithmic(let smallest, let perDecade): smallest * pow(10, Double(bin) / perDecade)
    }
  }

  var spread: ServingReport.Spread {
    guard weight > 0 else { return .none }
    func at(_ share: Double) -> Double {
      var passed = 0.0
      for (bin, weight) in bins.enumerated() {
        passed += weight
        if passed >= share * self.weight { return min(value(bin), largest) }
      }
      return largest
    }
    return ServingReport.Spread(
      mean: sum / weight, median: at(0.5), p90: at(0.9), p99: at(0.99), largest: largest)
  }
}
