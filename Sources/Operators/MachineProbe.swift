package import Platform

/// Measures what this machine can do at most, in many short slices, and keeps how far they lie apart.
///
/// A limit is the median of the slices that nobody disturbed: one that was cut is no limit, and one that a neighbour's silence
/// made fast is none either. Limits take turns, so that all of them are of the same minute.
package struct MachineProbe {
  private let pool: WorkerPool
  private let work: ProbeWork
  private let provider: ExecutionProvider

  package init(pool: WorkerPool, provider: ExecutionProvider = .best) {
    self.pool = pool
    self.provider = provider
    work = ProbeWork(provider: provider)
  }

  /// Undisturbed slices of each limit that are enough to end with.
  private static let enough = 48

  /// On a busy machine it goes on for so many times as long at the most.
  private static let patience = 4.0
  /// What a slice is to take, in seconds.
  private static let sliceSeconds = 0.5e-3
  private static let limits = MachineLimit.all

  private struct Slices {
    var undisturbed: [Double] = []
    var all: [Double] = []
    /// Of one slice, for each thread.
    var iterations: UInt64 = 1000
  }

  /// Runs all probes; takes about `seconds`, more while others use the machine.
  ///
  /// - Parameter checkpoint: called between slices; what it throws ends the measurement, of which nothing is then kept.
  /// - Throws: the platform's error when the probe buffer (256 MB) is refused.
  package func measure(
    seconds: Double = 1.2, checkpoint: () throws -> Void = {}
  ) throws -> MachinePeaks {
    let buffer = try ProbeBuffer(threads: pool.threads)
    var slices = [MachineLimit: Slices]()
    for limit in Self.limits {
      slices[limit] = Slices(iterations: limit == .readBandwidth ? 0 : iterations(limit))
    }
    let seats = ThreadSeats(pool: pool)
    defer { seats?.leave() }
    let before = ProcessorUse.read()
    let start = Machine.seconds()
    repeat {
      try checkpoint()
      for limit in Self.limits { take(limit, buffer, seats, &slices[limit, default: Slices()]) }
    } while isShort(slices, after: Machine.seconds() - start, of: seconds)
    var peaks = MachinePeaks(
      name: "\(Machine.processorName() ?? "this processor"), \(pool.threads) threads",
      memoryBytes: Double(Machine.memoryLimit() ?? 0), readBandwidth: 0, fp32Rate: 0, bf16Rate: 0,
      int8Rate: 0, threads: pool.threads, isMeasured: true)
    var measurement = PeakMeasurement(spreads: [])
    for limit in Self.limits {
      let found = Self.spread(of: slices[limit] ?? Slices(), limit)
      peaks[limit] = found.median
      measurement.spreads.append(found.spread)
    }
    if let before, let after = ProcessorUse.read() {
      measurement.othersCores = after.others(since: before)
    }
    peaks.measurement = measurement
    return peaks
  }

  private func isShort(
    _ slices: [MachineLimit: Slices], after taken: Double, of seconds: Double
  ) -> Bool {
    if taken < seconds { return true }
    return taken < seconds * Self.patience
      && slices.values.contains { $0.undisturbed.count < Self.enough }
  }

  private func take(
    _ limit: MachineLimit, _ buffer: ProbeBuffer, _ seats: ThreadSeats?, _ slices: inout Slices
  ) {
    func sit(_ worker: Int) { seats?.take(worker) }
    let count = slices.iterations
    let timing: SharedSlice.Timing
    let amount: Double
    if limit == .readBandwidth {
      let first = buffer.next()
      timing = SharedSlice(pool: pool).time(prepare: sit) { share in
        work.read(buffer.start(first, share: share), bytes: buffer.shareBytes)
      }
      amount = Double(buffer.shareBytes * pool.threads)
    } else {
      timing = SharedSlice(pool: pool).time(prepare: sit) { _ in
        _ = work.compute(limit, iterations: count)
      }
      amount = work.operations(limit) * Double(count) * Double(pool.threads)
    }
    let rate = amount / timing.seconds
    slices.all.append(rate)
    if timing.isUndisturbed { slices.undisturbed.append(rate) }
  }

  /// Iterations that take one thread about as long as a slice is to take.
  private func iterations(_ limit: MachineLimit) -> UInt64 {
    var count: UInt64 = 1000
    var fastest = Double.infinity
    // The fastest of some tries: others only ever slow one down.
    for _ in 0..<8 {
      let start = Machine.seconds()
      _ = work.compute(limit, iterations: count)
      fastest = min(fastest, max(Machine.seconds() - start, 1e-9))
    }
    count = UInt64(min(1e9, max(1000, Double(count) * Self.sliceSeconds / fastest)))
    return count
  }

  private static func spread(
    of slices: Slices, _ limit: MachineLimit
  ) -> (median: Double, spread: PeakMeasurement.Spread) {
    let isQuiet = slices.undisturbed.count >= MachinePeaks.fewestUndisturbed
    let all = slices.all.sorted()
    let counted = isQuiet ? slices.undisturbed.sorted() : Array(all.suffix((all.count + 3) / 4))
    return (
      quantile(counted, 0.5),
      PeakMeasurement.Spread(
        limit: limit, lower: quantile(counted, 0.25), upper: quantile(counted, 0.75),
        undisturbed: slices.undisturbed.count, slices: slices.all.count)
    )
  }

  /// Of sorted values, between neighbours by proportion; 0 of none.
  private static func quantile(_ sorted: [Double], _ share: Double) -> Double {
    guard let last = sorted.last else { return 0 }
    let place = share * Double(sorted.count - 1)
    let index = Int(place)
    guard index + 1 < sorted.count else { return last }
    return sorted[index] + (sorted[index + 1] - sorted[index]) * (place - Double(index))
  }
}

/// Memory that no cache holds, of which each slice reads the next part.
private final class ProbeBuffer {
  /// Bytes that one thread reads in a slice.
  let shareBytes: Int
  private let buffer: HugeBuffer
  private let base: UnsafeMutableRawPointer
  private let parts: Int
  private let threads: Int
  private var part = 0

  /// Bytes that all threads read in a slice, at the least.
  private static let sliceBytes = 32 << 20

  init(threads: Int) throws {
    // Whole kibibytes, so that every share begins on a line of the cache.
    shareBytes = max(1 << 20, Self.sliceBytes / threads / 1024 * 1024)
    parts = max(8, (256 << 20) / (shareBytes * threads))
    self.threads = threads
    buffer = try HugeBuffer(byteCount: parts * shareBytes * threads)
    buffer.bytes.initializeMemory(as: UInt8.self, repeating: 1)
    base = buffer.bytes.baseAddress ?? .init(bitPattern: 64).unsafelyUnwrapped
  }

  /// The part that comes next.
  func next() -> Int {
    defer { part = (part + 1) % parts }
    return part
  }

  func start(_ part: Int, share: Int) -> UnsafeRawPointer {
    UnsafeRawPointer(base + (part * threads + share) * shareBytes)
  }
}
