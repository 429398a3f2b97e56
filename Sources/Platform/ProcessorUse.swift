import Glibc

/// What all cores of the machine have done since it was started, and what this process had of it.
package struct ProcessorUse: Hashable, Sendable {
  /// Seconds of all cores in which something ran, this process among others.
  package var busy: Double
  /// Seconds that another system on the same hardware had.
  package var stolen: Double
  /// Seconds of this process.
  package var own: Double
  /// On the clock of `Machine.seconds()`.
  package var time: Double

  /// Reads the counters; nil where the system has none.
  package static func read() -> ProcessorUse? {
    guard let line = SystemTable(path: "/proc/stat").lines.first, line.hasPrefix("cpu ") else {
      return nil
    }
    return ProcessorUse(
      line, ticks: Double(sysconf(Int32(_SC_CLK_TCK))), own: Machine.processorSeconds(),
      time: Machine.seconds())
  }

  /// Takes the line `cpu user nice system idle iowait irq softirq steal …` in ticks.
  package init?(_ line: Substring, ticks: Double, own: Double, time: Double) {
    let counts = line.split(separator: " ").dropFirst().compactMap { Double($0) }
    guard counts.count >= 8, ticks > 0 else { return nil }
    busy = (counts[0] + counts[1] + counts[2] + counts[5] + counts[6]) / ticks
    stolen = counts[7] / ticks
    self.own = own
    self.time = time
  }

  /// Cores that others had since an earlier reading, on the average: other processes, and other systems.
  package func others(since start: ProcessorUse) -> Double {
    let seconds = time - start.time
    // Counters move in steps of a tick.
    guard seconds > 0 else { return 0 }
    let others = (busy - start.busy) - (own - start.own) + (stolen - start.stolen)
    return max(0, others) / seconds
  }
}
