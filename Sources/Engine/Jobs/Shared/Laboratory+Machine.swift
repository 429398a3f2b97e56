package import Operators
import Platform
import Synchronization

extension Laboratory {
  private var peaksStore: PeaksStore { PeaksStore(locator: locator, threads: pool.threads) }

  /// The peaks of this machine under its best provider, whatever jobs run under: measured once, then kept in the cache
  /// folder for this processor and this number of threads.
  ///
  /// - Throws: `EngineError.implausibleMachine`.
  func machinePeaks(_ reporter: JobReporter<Never>?) throws -> MachinePeaks {
    if let known = peaks.withLock({ $0 }) { return known }
    switch peaksStore.read() {
    case .peaks(let kept):
      peaks.withLock { $0 = kept }
      return kept
    case .refused(let reason):
      reporter?.log("What was kept of this machine is not used: \(reason).")
    case .nothing: break
    }
    return try measureMachine(reporter)
  }

  /// Takes this machine for what somebody says it can do, such as a session that was recorded elsewhere, or a class whose machines
  /// shall all give the same advice; it is not measured from here on, and nothing is kept of it.
  package func take(_ machine: MachinePeaks) {
    given.withLock { $0 = machine }
    peaks.withLock { $0 = machine }
  }

  /// Measures this machine, whatever is kept of it.
  ///
  /// - Throws: `EngineError.implausibleMachine`; `JobControl.Cancelled`, what was kept is then as before.
  func measureMachine(_ reporter: JobReporter<Never>?) throws -> MachinePeaks {
    if let given = given.withLock({ $0 }) {
      reporter?.log("The machine is given: \(given.name). It is not measured.")
      return given
    }
    reporter?.log("Measuring what this machine can do (bandwidth, FP32, BF16 and INT8 rates).")
    let found = try peaksStore.measure(log: { reporter?.log($0) }) {
      try MachineProbe(pool: pool).measure { try reporter?.checkpoint() }
    }
    peaks.withLock { $0 = found }
    return found
  }
}
