import Wording

extension MachinePeaks {
  /// One limit with where its slices lie: `reads 36.1 GB/s (35.2 to 36.8)`.
  package func words(of limit: MachineLimit) -> String {
    let text = "\(limit == .readBandwidth ? "reads" : limit.label) \(Self.rate(self[limit], limit))"
    guard let spread = measurement?[limit] else { return text }
    return text + " (\(Self.rate(spread.lower, limit)) to \(Self.rate(spread.upper, limit)))"
  }

  /// Bandwidth and rates in short: `reads 36.1 GB/s`, `BF16 472 GFLOP/s`, `INT8 944 GOP/s`.
  package var words: [String] {
    [MachineLimit.readBandwidth, .bf16, .int8].map { limit in
      "\(limit == .readBandwidth ? "reads" : limit.label) \(Self.rate(self[limit], limit))"
    }
  }

  /// Where the figures are from, how many slices they are of and when these were taken; what else had the machine then.
  package var provenance: String {
    guard isMeasured else { return "from a data sheet" }
    guard let measurement else { return "measured here; spread and time were not kept" }
    var text = "measured here"
    if let age = measurement.ageSeconds { text += " " + Quantity.ago(age) }
    let slices = measurement.spreads.map(\.undisturbed)
    let all = measurement.spreads.map(\.slices)
    if let fewest = slices.min(), let most = all.max() {
      text +=
        fewest < Self.fewestUndisturbed
        ? ", from the fastest quarter of \(Quantity.grouped(most)) slices, since others disturbed all but "
          + "\(Quantity.grouped(fewest))"
        : ", from \(Quantity.grouped(fewest)) or more undisturbed slices of \(Quantity.grouped(most))"
    }
    if let range = measurement.earlier(.readBandwidth), let count = measurement.earlier?.count {
      text +=
        "; \(Quantity.grouped(count)) before: reads \(Self.rate(range.lowerBound, .readBandwidth)) to "
        + Self.rate(range.upperBound, .readBandwidth)
    }
    if let others = measurement.othersCores, others >= Self.busyCores {
      text += "; others had \(Quantity.fixed(others, 1)) cores meanwhile"
    }
    return text
  }

  /// With fewer undisturbed slices the fastest quarter of all counts.
  static let fewestUndisturbed = 8

  /// Whether others left so few slices alone that some figure may be of fewer threads than there are.
  package var isDisturbed: Bool {
    measurement?.spreads.contains { $0.undisturbed < Self.fewestUndisturbed } ?? false
  }

  /// Cores of others from which on a machine is called busy.
  package static let busyCores = 0.2

  /// `36.1 GB/s`, `472 GFLOP/s`, `944 GOP/s`.
  package static func rate(_ value: Double, _ limit: MachineLimit) -> String {
    switch limit {
    case .readBandwidth: Quantity.rate(value, "B/s")
    case .fp32, .bf16: Quantity.rate(value, "FLOP/s")
    case .int16, .int8: Quantity.rate(value, "OP/s")
    }
  }
}
