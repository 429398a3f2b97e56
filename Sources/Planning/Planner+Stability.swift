import Models
import Operators
import Wording

/// What the advice would be elsewhere within the spread of the machine's peaks.
extension Planner {
  private static let limits: [MachineLimit] = [.readBandwidth, .bf16, .int8]

  /// nil where the peaks are of a data sheet.
  func stability(_ report: PlanReport) -> PlanReport.Stability? {
    let ranges = Self.limits.compactMap { limit in
      peaks.range(of: limit).map {
        PlanReport.Stability.Range(limit: limit, lower: $0.lowerBound, upper: $0.upperBound)
      }
    }
    guard ranges.count == Self.limits.count else { return nil }
    var flips: [PlanReport.Stability.Flip] = []
    func add(_ flip: PlanReport.Stability.Flip) {
      if !flips.contains(where: { $0.target == flip.target && $0.instead == flip.instead }) {
        flips.append(flip)
      }
    }
    let here = Self.firsts(report)
    for corner in 0..<(1 << ranges.count) {
      var other = self
      for (bit, range) in ranges.enumerated() {
        other.peaks[range.limit] = corner >> bit & 1 == 0 ? range.lower : range.upper
      }
      let there = Self.firsts(other.outline())
      if let first = here.target, let instead = there.target, first != instead {
        add(
          .init(
            target: nil, advised: first.words, instead: instead.words, insteadTarget: instead,
            words: "Within the spread of the measured peaks (\(Self.words(ranges))) the "
              + "\(instead.words) would come first: it is as good a start as the \(first.words)."))
      }
      for (target, method) in here.methods {
        guard let instead = there.methods[target], instead != method else { continue }
        add(
          .init(
            target: target, advised: method, instead: instead,
            words:
              "Within the spread of the measured peaks (\(Self.words(ranges))) \(instead) would "
              + "stand before \(method)."))
      }
    }
    return PlanReport.Stability(
      ranges: ranges,
      flips: flips.sorted {
        ($0.target?.rawValue ?? "", $0.instead) < ($1.target?.rawValue ?? "", $1.instead)
      })
  }

  private static func firsts(
    _ report: PlanReport
  ) -> (target: QuantizationTarget?, methods: [QuantizationTarget: String]) {
    var methods: [QuantizationTarget: String] = [:]
    for advice in report.advice { methods[advice.target] = advice.methods.first }
    return (report.advice.first?.target, methods)
  }

  /// `reading 32.5 to 39.7 GB/s, BF16 …`.
  private static func words(_ ranges: [PlanReport.Stability.Range]) -> String {
    ranges.map { range in
      "\(range.limit.label) \(MachinePeaks.rate(range.lower, range.limit)) to "
        + MachinePeaks.rate(range.upper, range.limit)
    }.joined(separator: ", ")
  }
}

extension QuantizationTarget {
  fileprivate var words: String {
    switch self {
    case .weights: "weights"
    case .activations: "activations"
    case .kvCache: "KV cache"
    }
  }
}
