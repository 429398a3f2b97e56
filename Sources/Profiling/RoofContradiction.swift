package import Operators
import Wording

/// A profile that reached more than the machine is said to do at most: the peaks are wrong, and not the profile.
///
/// All linear layers of a phase are taken together, so that the clock's grain does not matter; reading counts where the weights
/// of one pass are many times what the processor's caches hold, since what lies in them is read faster than from memory.
package struct RoofContradiction: Hashable, Sendable {
  package var limit: MachineLimit
  /// What was reached, and what was held to be the most, in bytes or operations per second.
  package var reached: Double
  package var peak: Double

  /// How much above a peak is no accident.
  private static let tolerance = 1.05
  /// How many times the caches weights must take for reading to be from memory.
  private static let cacheFactor = 3.0

  /// The largest contradiction of some profiles; nil for none.
  ///
  /// - Parameter cacheBytes: what all caches of the processor hold.
  package init?(
    _ profiles: [LayerProfile], peaks: MachinePeaks, cacheBytes: Int
  ) {
    var found: [RoofContradiction] = []
    func look(_ limit: MachineLimit, _ amount: Double, _ seconds: Double) {
      let rate = seconds > 0 ? amount / seconds : 0
      let roof = max(peaks[limit], peaks.measurement?[limit]?.upper ?? 0)
      if roof > 0, rate > roof * Self.tolerance {
        found.append(RoofContradiction(limit: limit, reached: rate, peak: peaks[limit]))
      }
    }
    for rows in profiles.flatMap({ [$0.prefill, $0.decode] }) {
      let linears = rows.filter { $0.operator.hasPrefix("linear") }
      for (unit, rows) in Dictionary(grouping: linears, by: { KernelRecord.unit(of: $0.kernel) }) {
        look(unit, rows.reduce(0) { $0 + $1.operations }, rows.reduce(0) { $0 + $1.seconds })
      }
      let once = linears.reduce(0.0) { $0 + $1.bytes / Double(max(1, $1.calls)) }
      if once > Self.cacheFactor * Double(cacheBytes) {
        look(
          .readBandwidth, linears.reduce(0) { $0 + $1.bytes },
          linears.reduce(0) { $0 + $1.seconds })
      }
    }
    guard let worst = found.max(by: { $0.share < $1.share }) else { return nil }
    self = worst
  }

  private init(limit: MachineLimit, reached: Double, peak: Double) {
    self.limit = limit
    self.reached = reached
    self.peak = peak
  }

  /// What was reached over the peak.
  package var share: Double { reached / max(peak, 1) }

  /// `the profile reached 41.2 GB/s in reading, 107 % of the peak that was kept (38.6 GB/s)`.
  package var words: String {
    "the profile reached \(MachinePeaks.rate(reached, limit)) in \(limit == .readBandwidth ? "" : "\(limit.label) ")"
      + "\(limit == .readBandwidth ? "reading" : "arithmetic"), \(Quantity.percent(share)) of the peak that was kept "
      + "(\(MachinePeaks.rate(peak, limit)))"
  }
}
