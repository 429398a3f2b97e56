import Wording

/// What the figures of a machine can be: beyond these bounds a unit was mistaken, or a measurement went wrong.
///
/// The least bandwidth is a tenth of what half a channel of DDR3-1066 reads (8 bytes x 1066 MT/s), the least rate a tenth of
/// an operation a cycle at 1 GHz. Units stand in a ratio to the bandwidth, and to each other, that no machine is far from.
package enum PlausiblePeaks {
  /// One figure that cannot be.
  package struct Problem: Error, Hashable, Sendable, CustomStringConvertible {
    /// Of `MachinePeaks`: `readBandwidth`.
    package var figure: Figure
    /// `at least 426 MB/s`.
    package var expected: String
    package var found: String

    package var description: String { "\(figure.words): expected \(expected), found \(found)" }
  }

  package enum Figure: String, Hashable, Sendable, CaseIterable {
    case memoryBytes, readBandwidth, fp32Rate, bf16Rate, int16Rate, int8Rate, fp8Rate, int4Rate

    package var words: String {
      switch self {
      case .memoryBytes: "memory"
      case .readBandwidth: "read bandwidth"
      case .fp32Rate: "FP32 rate"
      case .bf16Rate: "BF16 rate"
      case .int16Rate: "INT16 rate"
      case .int8Rate: "INT8 rate"
      case .fp8Rate: "FP8 rate"
      case .int4Rate: "INT4 rate"
      }
    }

    fileprivate func value(_ peaks: MachinePeaks) -> Double? {
      switch self {
      case .memoryBytes: peaks.memoryBytes
      case .readBandwidth: peaks.readBandwidth
      case .fp32Rate: peaks.fp32Rate
      case .bf16Rate: peaks.bf16Rate
      case .int16Rate: peaks.int16Rate
      case .int8Rate: peaks.int8Rate
      case .fp8Rate: peaks.fp8Rate
      case .int4Rate: peaks.int4Rate
      }
    }

    fileprivate var unit: String {
      switch self {
      case .memoryBytes: "B"
      case .readBandwidth: "B/s"
      case .fp32Rate, .bf16Rate, .fp8Rate: "FLOP/s"
      case .int16Rate, .int8Rate, .int4Rate: "OP/s"
      }
    }

    fileprivate var bounds: ClosedRange<Double> {
      switch self {
      case .memoryBytes: 1e7...1e17
      case .readBandwidth: PlausiblePeaks.leastBandwidth...1e16
      default: 1e8...1e19
      }
    }
  }

  /// Bytes a second.
  package static let leastBandwidth = 8 * 1066e6 / 2 / 10

  /// Operations for each byte that can be read: of FP32 outside matrix units, and of all others.
  private static let scalarBalance = 0.1...1e4
  private static let matrixBalance = 0.1...1e5
  /// Of a narrow unit's rate to that of FP32.
  private static let ratios = 1.0 / 128...1024

  /// The first figure that cannot be; nil where all can.
  package static func problem(of peaks: MachinePeaks) -> Problem? {
    for figure in Figure.allCases {
      guard let value = figure.value(peaks) else { continue }
      let bounds = figure.bounds
      guard !bounds.contains(value) else { continue }
      // A machine that does not tell its memory is no wrong one.
      if figure == .memoryBytes, value == 0, peaks.isMeasured { continue }
      return Problem(
        figure: figure,
        expected: value < bounds.lowerBound || value.isNaN
          ? "at least \(Quantity.rate(bounds.lowerBound, figure.unit))"
          : "at most \(Quantity.rate(bounds.upperBound, figure.unit))",
        found: Quantity.rate(value, figure.unit))
    }
    return balanceProblem(of: peaks)
  }

  private static func balanceProblem(of peaks: MachinePeaks) -> Problem? {
    for figure in Figure.allCases where figure != .memoryBytes && figure != .readBandwidth {
      guard let rate = figure.value(peaks) else { continue }
      func problem(_ bounds: ClosedRange<Double>, _ unit: Double, _ next: String) -> Problem {
        let (low, high) = (bounds.lowerBound * unit, bounds.upperBound * unit)
        return Problem(
          figure: figure,
          expected: Quantity.rate(low, figure.unit) + " to "
            + "\(Quantity.rate(high, figure.unit)) next to \(next)",
          found: Quantity.rate(rate, figure.unit))
      }
      let balance = figure == .fp32Rate ? scalarBalance : matrixBalance
      guard balance.contains(rate / peaks.readBandwidth) else {
        return problem(
          balance, peaks.readBandwidth,
          "a bandwidth of \(Quantity.rate(peaks.readBandwidth, "B/s"))")
      }
      guard ratios.contains(rate / peaks.fp32Rate) else {
        return problem(
          ratios, peaks.fp32Rate, "an FP32 rate of \(Quantity.rate(peaks.fp32Rate, "FLOP/s"))")
      }
    }
    return nil
  }
}
