import Glibc

/// Facts about the machine and this process, read from Linux's own tables.
///
/// What the system does not tell is nil, never a guess.
package enum Machine {
  /// A clock in seconds that never goes back; its zero means nothing.
  package static func seconds() -> Double {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return Double(now.tv_sec) + Double(now.tv_nsec) * 1e-9
  }

  /// The processor's name, as `AMD EPYC 9554`.
  package static func processorName() -> String? {
    SystemTable(path: "/proc/cpuinfo").text("model name")
  }

  /// Logical cores that are switched on.
  package static var logicalCores: Int { max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }

  /// Logical cores this process may run on.
  package static var usableCores: Int {
    let list = SystemTable(path: "/proc/self/status").text("Cpus_allowed_list") ?? ""
    let count = cores(in: list)
    return count > 0 ? count : logicalCores
  }

  /// The cores of a list such as `0-3,8`.
  private static func cores(in list: some StringProtocol) -> Int {
    list.split(separator: ",").reduce(0) { sum, range in
      let ends = range.split(separator: "-").compactMap { Int($0) }
      return sum + (ends.last ?? 0) - (ends.first ?? 1) + 1
    }
  }

  /// Bytes of memory in the machine.
  package static func memoryTotal() -> Int? {
    SystemTable(path: "/proc/meminfo").bytes("MemTotal")
  }

  /// Bytes that can be had without swapping: what the machine has free, and what the control groups of
  /// this process still allow.
  package static func memoryAvailable() -> Int? {
    guard let free = SystemTable(path: "/proc/meminfo").bytes("MemAvailable") else { return nil }
    return min(free, ControlGroup().left ?? free)
  }

  /// Bytes that this process may have at the most: all of the machine's memory, or what its control groups allow.
  package static func memoryLimit() -> Int? {
    guard let total = memoryTotal() else { return nil }
    return min(total, ControlGroup().most ?? total)
  }

  /// Bytes that can still be written to the disk that `path`, or the nearest folder above it that exists, lies on.
  package static func diskAvailable(at path: String) -> Int? {
    var folder = path
    var status = statvfs()
    while statvfs(folder.isEmpty ? "." : folder, &status) != 0 {
      guard errno == ENOENT, !folder.isEmpty, folder != "/" else { return nil }
      let parts = folder.split(separator: "/", omittingEmptySubsequences: false).dropLast()
      folder = parts.isEmpty ? "" : parts == [""] ? "/" : parts.joined(separator: "/")
    }
    return Int(clamping: UInt64(status.f_bavail) &* UInt64(status.f_frsize))
  }

  /// Bytes of the pages that large buffers get: 2 MiB, or 4 KiB where the system gives no huge pages.
  ///
  /// Found by touching one byte of such a buffer: its setting is not told everywhere, as in a container without `/sys`.
  package static let bufferPageBytes: Int = {
    let ordinary = Int(sysconf(Int32(_SC_PAGESIZE)))
    guard let buffer = try? HugeBuffer(byteCount: HugeBuffer.pageBytes) else { return ordinary }
    buffer.bytes[0] = 1
    return buffer.residentBytes == HugeBuffer.pageBytes ? HugeBuffer.pageBytes : ordinary
  }()

  /// Bytes of memory this process holds now.
  package static func residentBytes() -> Int? {
    SystemTable(path: "/proc/self/status").bytes("VmRSS")
  }

  /// Bytes of memory this process holds for itself: not those of mapped files, which the system can take back.
  package static func privateBytes() -> Int? {
    // Pages in all, resident ones, and of these those of files.
    let counts = SystemTable(path: "/proc/self/statm").lines.first?.split(separator: " ")
      .compactMap { Int($0) }
    guard let counts, counts.count >= 3 else { return nil }
    return max(0, counts[1] - counts[2]) * Int(sysconf(Int32(_SC_PAGESIZE)))
  }

  /// The most bytes of memory this process ever held.
  package static func peakResidentBytes() -> Int? {
    SystemTable(path: "/proc/self/status").bytes("VmHWM")
  }

  /// How often the system took a core away from a thread of this process that wanted to go on.
  package static func preemptions() -> Int {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return usage.ru_nivcsw
  }

  /// How often the system took the core away from the calling thread when it wanted to go on.
  package static func threadPreemptions() -> Int {
    var usage = rusage()
    // RUSAGE_THREAD, which the headers show only with GNU extensions.
    getrusage(__rusage_who_t(1), &usage)
    return usage.ru_nivcsw
  }

  /// Bytes of the caches of all cores that are the last before memory; nil where the system does not tell.
  package static func lastCacheBytes() -> Int? {
    let folder = "/sys/devices/system/cpu/cpu0/cache/index"
    var found: Int?
    for index in 0..<8 {
      func line(_ name: String) -> Substring? {
        SystemTable(path: "\(folder)\(index)/\(name)").lines.first
      }
      // `32768K`, shared by the cores of a list such as `0-7`.
      guard let size = line("size"), size.hasSuffix("K"), let kibibytes = Int(size.dropLast())
      else {
        continue
      }
      let sharing = max(1, cores(in: line("shared_cpu_list") ?? ""))
      let bytes = kibibytes * 1024 * ((logicalCores + sharing - 1) / sharing)
      found = max(found ?? 0, bytes)
    }
    return found
  }

  /// Seconds of processor time all threads of this process have used.
  package static func processorSeconds() -> Double {
    var used = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used)
    return Double(used.tv_sec) + Double(used.tv_nsec) * 1e-9
  }
}
