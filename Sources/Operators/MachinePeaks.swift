/// What one machine can do at most, measured or described.
///
/// Bandwidth in bytes per second, rates in operations per second (a multiply-add is two).
package struct MachinePeaks: Hashable, Sendable, Codable {
  package var name: String
  /// Bytes of memory that weights, cache and activations may take.
  package var memoryBytes: Double
  package var readBandwidth: Double
  package var fp32Rate: Double
  package var bf16Rate: Double
  package var int8Rate: Double
  /// Rate of 16-bit integers; nil for a data sheet and for figures kept without it, where half the rate of INT8 is taken.
  package var int16Rate: Double?
  /// Dense rate of 8-bit floats; nil where the machine has no such arithmetic, or it is not known.
  package var fp8Rate: Double?
  /// Dense rate of 4-bit integers; nil where the machine has no such arithmetic, or it is not known.
  package var int4Rate: Double?
  /// The data sheet the figures are from; nil for measured ones.
  package var source: String?
  /// Threads the figures were measured with; 0 for a described machine.
  package var threads: Int
  /// Whether the figures were measured here, or come from a data sheet.
  package var isMeasured: Bool
  /// How and when they were measured; nil for a data sheet, and for figures that were kept without it.
  package var measurement: PeakMeasurement?

  package init(
    name: String, memoryBytes: Double, readBandwidth: Double, fp32Rate: Double, bf16Rate: Double,
    int8Rate: Double, fp8Rate: Double? = nil, int4Rate: Double? = nil, threads: Int,
    isMeasured: Bool, source: String? = nil, measurement: PeakMeasurement? = nil
  ) {
    self.name = name
    self.memoryBytes = memoryBytes
    self.readBandwidth = readBandwidth
    self.fp32Rate = fp32Rate
    self.bf16Rate = bf16Rate
    self.int8Rate = int8Rate
    self.fp8Rate = fp8Rate
    self.int4Rate = int4Rate
    self.source = source
    self.threads = threads
    self.isMeasured = isMeasured
    self.measurement = measurement
  }

  /// Where a limit lies as far as slices and earlier measurements tell: the quartiles of the slices, what was found here
  /// before, and `repeatability` either way at the least; nil for a data sheet.
  package func range(of limit: MachineLimit) -> ClosedRange<Double>? {
    guard isMeasured else { return nil }
    let middle = self[limit]
    let spread = measurement?[limit]
    let before = measurement?.earlier(limit)
    let low = min(
      spread?.lower ?? middle, middle * (1 - Self.repeatability), before?.lowerBound ?? middle)
    let high = max(
      spread?.upper ?? middle, middle * (1 + Self.repeatability), before?.upperBound ?? middle)
    return low...max(low, high)
  }

  /// By how much medians of probes minutes apart differ on a shared machine, whatever the slices of one of them say.
  package static let repeatability = 0.1
}

/// How measured peaks came about: from how many slices, how far these lay apart, and when.
package struct PeakMeasurement: Hashable, Sendable, Codable {
  /// The slices that one limit is the median of.
  package struct Spread: Hashable, Sendable, Codable {
    package var limit: MachineLimit
    /// Quartiles of the slices that count, in bytes or operations per second.
    package var lower: Double
    package var upper: Double
    /// Slices in which all threads ran and none was put aside.
    package var undisturbed: Int
    package var slices: Int

    package init(limit: MachineLimit, lower: Double, upper: Double, undisturbed: Int, slices: Int) {
      self.limit = limit
      self.lower = lower
      self.upper = upper
      self.undisturbed = undisturbed
      self.slices = slices
    }
  }

  /// One measurement before.
  package struct Earlier: Hashable, Sendable, Codable {
    /// In bytes or operations per second.
    package var medians: [MachineLimit: Double]
    /// Seconds since 1970.
    package var measuredAt: Double?

    package init(medians: [MachineLimit: Double], measuredAt: Double?) {
      self.medians = medians
      self.measuredAt = measuredAt
    }
  }

  package var spreads: [Spread]
  /// What earlier measurements found here, the oldest first.
  ///
  /// A shared machine has more than one state: where its threads are put decides how fast they read, and a probe of seconds
  /// sees one of them.
  package var earlier: [Earlier]?
  /// Cores that others had meanwhile, the host among them; nil where the system does not tell.
  package var othersCores: Double?
  /// Seconds since 1970.
  package var measuredAt: Double?
  /// Seconds from then to when they were last read from where they are kept.
  package var ageSeconds: Double?

  package init(
    spreads: [Spread], othersCores: Double? = nil, measuredAt: Double? = nil,
    ageSeconds: Double? = nil
  ) {
    self.spreads = spreads
    self.othersCores = othersCores
    self.measuredAt = measuredAt
    self.ageSeconds = ageSeconds
  }

  package subscript(limit: MachineLimit) -> Spread? { spreads.first { $0.limit == limit } }

  /// Where a limit lay in earlier measurements; nil where there were none.
  package func earlier(_ limit: MachineLimit) -> ClosedRange<Double>? {
    let found = (earlier ?? []).compactMap { $0.medians[limit] }
    guard let low = found.min(), let high = found.max() else { return nil }
    return low...high
  }
}
