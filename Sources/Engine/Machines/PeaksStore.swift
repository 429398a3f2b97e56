import FoundationEssentials
import Operators
import Platform

/// Where the measured peaks of this machine are kept between runs.
///
/// A cache: when it cannot be read or written the machine is measured again, so failures are passed over.
struct PeaksStore {
  private let path: String?
  private let processor: String

  init(locator: ResourceLocator, threads: Int) {
    processor = (Machine.processorName() ?? "processor") + ", \(threads) threads"
    path = locator.cacheFolder.map { $0 + "/peaks-\(threads).json" }
  }

  func read() -> MachinePeaks? {
    guard let path, let data = FileManager.default.contents(atPath: path),
      let peaks = try? JSONDecoder().decode(MachinePeaks.self, from: data),
      peaks.name == processor, peaks.readBandwidth > 0
    else { return nil }
    return peaks
  }

  func write(_ peaks: MachinePeaks) {
    guard let path, let data = try? JSONEncoder().encode(peaks) else { return }
    let folder = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
      .joined(separator: "/")
    try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try? WholeFile.write([UInt8](data), to: path)
  }
}
