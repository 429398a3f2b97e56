package import Operators
import Platform
import Wording

/// How near a phase came to what the machine gave in the same seconds.
///
/// Limits of a shared machine move within seconds, so they are measured in short slices right before and after each
/// repetition. The time at the limits is, summed over the kernels, what reading their bytes or doing their operations takes at
/// least, whichever is longer (Williams et al., Roofline, CACM 52(4), 2009).
package struct LimitShare: Hashable, Sendable, Codable {
  /// What most of the time at the limits goes to.
  package var limit: MachineLimit
  /// Bytes or operations a second of that limit, median over the repetitions.
  package var limitRate: Double
  /// Time at the limits over the time it took, median over the repetitions; above 1 for what lies in the processor's caches.
  package var share: Double
  /// Quartiles of `share`.
  package var lower: Double
  package var upper: Double

  /// - Parameters:
  ///   - kernels: what the phase runs, all of it.
  ///   - rounds: for each repetition the seconds it took, and the limits next to it.
  package init?(_ kernels: [KernelRecord], rounds: [(seconds: Double, limits: MachinePeaks)]) {
    guard !rounds.isEmpty, !kernels.isEmpty else { return nil }
    var waits: [MachineLimit: Double] = [:]
    let shares = rounds.map { round in
      var seconds = 0.0
      for kernel in kernels {
        let (memory, compute) = (
          kernel.memorySeconds(on: round.limits), kernel.computeSeconds(on: round.limits)
        )
        waits[memory >= compute ? .readBandwidth : kernel.unit, default: 0] += max(memory, compute)
        seconds += max(memory, compute)
      }
      return seconds / max(round.seconds, 1e-12)
    }
    let rate = BenchReport.Rate(shares)
    let limit = MachineLimit.all.max { waits[$0, default: 0] < waits[$1, default: 0] }
    let nearest = limit ?? .readBandwidth
    self.limit = nearest
    limitRate = SpeedMeasure.median(rounds.map { $0.limits[nearest] })
    share = rate.tokensPerSecond
    lower = rate.lower ?? share
    upper = rate.upper ?? share
  }

  /// `88 % (86 to 91 %) of what the machine gave next to it in reading (36.1 GB/s)`.
  package var words: String {
    let range = lower < upper ? " (\(Quantity.percent(lower)) to \(Quantity.percent(upper)))" : ""
    return "\(Quantity.percent(share))\(range) of what the machine gave next to it in "
      + "\(limit == .readBandwidth ? "reading" : "\(limit.label) arithmetic") "
      + "(\(MachinePeaks.rate(limitRate, limit)))"
      + (share > 1 ? ", part of it from the processor's caches" : "")
  }
}

/// The limits of the moment, taken right before and after what is timed.
struct LimitsOfTheMoment {
  private let slices: LimitSlices
  private let threads: Int

  /// - Throws: the platform's error when the buffer to read is refused.
  init(_ context: ExecutionContext) throws {
    slices = try LimitSlices(
      Set(MachineLimit.all), pool: context.pool, provider: context.provider)
    threads = context.pool.threads
  }

  /// Slices of each limit on either side of what is timed.
  private static let each = 3

  /// Some slices of every limit.
  func take() -> [MachineLimit: [Double]] {
    var found: [MachineLimit: [Double]] = [:]
    for _ in 0..<Self.each {
      for limit in MachineLimit.all { found[limit, default: []].append(slices.take(limit)) }
    }
    return found
  }

  /// The median of slices of both sides.
  func limits(
    _ before: [MachineLimit: [Double]], _ after: [MachineLimit: [Double]]
  ) -> MachinePeaks {
    var peaks = MachinePeaks(
      name: "slices of this run", memoryBytes: 0, readBandwidth: 0, fp32Rate: 0, bf16Rate: 0,
      int8Rate: 0,
      threads: threads, isMeasured: true)
    for limit in MachineLimit.all {
      peaks[limit] = SpeedMeasure.median(
        before[limit, default: []] + after[limit, default: []])
    }
    return peaks
  }
}
