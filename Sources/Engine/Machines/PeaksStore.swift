import FoundationEssentials
package import Operators
package import Platform

/// Measures this machine, refuses what no machine can be, and keeps the figures between runs.
///
/// A cache: when it cannot be read or written the machine is measured again, so failures are passed over. A file is replaced
/// whole, and only by a measurement that was taken to its end.
package struct PeaksStore {
  /// What is kept.
  package enum Kept: Hashable, Sendable {
    case nothing
    case peaks(peaks: MachinePeaks)
    /// Figures that cannot be, with what was expected and found.
    case refused(reason: String)
  }

  /// nil where nothing can be kept.
  package let path: String?
  private let processor: String
  /// Seconds since 1970.
  package var now: () -> Double = { Date().timeIntervalSince1970 }

  /// How often implausible figures are measured again.
  private static let tries = 3
  /// Measurements before the last whose figures are kept.
  private static let remembered = 16

  package init(locator: ResourceLocator, threads: Int) {
    self.init(folder: locator.cacheFolder, threads: threads)
  }

  /// - Parameter folder: where the file lies; nil keeps nothing.
  package init(folder: String?, threads: Int) {
    processor = (Machine.processorName() ?? "processor") + ", \(threads) threads"
    path = folder.map { $0 + "/peaks-\(threads).json" }
  }

  /// What an earlier run kept of this processor, with its age.
  ///
  /// A file without spread is of a program that kept the best it saw in one short look: on a busy machine half of what there
  /// is. It counts for nothing.
  package func read() -> Kept {
    guard let path, let data = FileManager.default.contents(atPath: path),
      var peaks = try? JSONDecoder().decode(MachinePeaks.self, from: data), peaks.name == processor,
      peaks.measurement != nil || PlausiblePeaks.problem(of: peaks) != nil
    else { return .nothing }
    if let problem = PlausiblePeaks.problem(of: peaks) {
      return .refused(reason: "\(path): \(problem)")
    }
    if let measured = peaks.measurement?.measuredAt {
      // A clock that was set back tells nothing of the age.
      let age = now() - measured
      peaks.measurement?.ageSeconds = age >= 0 ? age : nil
    }
    // The limit of a control group is that of this run.
    if let limit = Machine.memoryLimit() { peaks.memoryBytes = Double(limit) }
    return .peaks(peaks: peaks)
  }

  /// What was measured here before, the measurement that is kept included; the latest `remembered` of them.
  private func earlier() -> [PeakMeasurement.Earlier]? {
    guard case .peaks(let kept) = read(), let measurement = kept.measurement else { return nil }
    let medians = measurement.spreads.map { ($0.limit, kept[$0.limit]) }
    let last = PeakMeasurement.Earlier(
      medians: Dictionary(medians) { first, _ in first }, measuredAt: measurement.measuredAt)
    return ((measurement.earlier ?? []) + [last]).suffix(Self.remembered)
  }

  /// - Throws: what keeps it from being written.
  package func write(_ peaks: MachinePeaks) throws {
    guard let path else { return }
    let folder = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
      .joined(separator: "/")
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try WholeFile.write([UInt8](try JSONEncoder().encode(peaks)), to: path)
  }

  /// Measures until the figures are plausible, and keeps them.
  ///
  /// - Parameters:
  ///   - probe: measures once; what it throws ends the measurement, and what was kept before stays.
  ///   - log: told why something is measured once more, or cannot be kept.
  /// - Throws: `EngineError.implausibleMachine` when no try is plausible; what `probe` throws.
  package func measure(
    log: (String) -> Void = { _ in }, probe: () throws -> MachinePeaks
  ) throws -> MachinePeaks {
    var last: PlausiblePeaks.Problem?
    for _ in 0..<Self.tries {
      if let last { log("Measured once more: \(last).") }
      var peaks = try probe()
      last = PlausiblePeaks.problem(of: peaks)
      guard last == nil else { continue }
      peaks.measurement?.measuredAt = now()
      peaks.measurement?.earlier = earlier()
      // What a crowded minute gave is not for later ones.
      if !peaks.isDisturbed {
        do { try write(peaks) } catch {
          log("What was measured cannot be kept: \(ErrorWords.of(error)).")
        }
      }
      peaks.measurement?.ageSeconds = 0
      return peaks
    }
    throw EngineError.implausibleMachine(problem: last.map { "\($0)" } ?? "", tries: Self.tries)
  }
}
