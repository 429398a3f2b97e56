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
    // A list such as `0-3,8`.
    let list = SystemTable(path: "/proc/self/status").text("Cpus_allowed_list") ?? ""
    let count = list.split(separator: ",").reduce(0) { sum, range in
      let ends = range.split(separator: "-").compactMap { Int($0) }
      return sum + (ends.last ?? 0) - (ends.first ?? 1) + 1
    }
    return count > 0 ? count : logicalCores
  }

  /// Bytes of memory in the machine.
  package static func memoryTotal() -> Int? {
    SystemTable(path: "/proc/meminfo").bytes("MemTotal")
  }

  /// Bytes that can be had without swapping: what the machine has free, and what the control group of
  /// this process still allows.
  package static func memoryAvailable() -> Int? {
    guard let free = SystemTable(path: "/proc/meminfo").bytes("MemAvailable") else { return nil }
    return min(free, groupMemoryLeft() ?? free)
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

  /// Seconds of processor time all threads of this process have used.
  package static func processorSeconds() -> Double {
    var used = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used)
    return Double(used.tv_sec) + Double(used.tv_nsec) * 1e-9
  }

  /// What the memory limit of this process's control group (version 2) leaves.
  private static func groupMemoryLeft() -> Int? {
    for line in SystemTable(path: "/proc/self/cgroup").lines where line.hasPrefix("0::") {
      let folder = "/sys/fs/cgroup" + line.dropFirst(3)
      guard let limit = SystemTable(path: folder + "/memory.max").lines.first.flatMap({ Int($0) }),
        let used = SystemTable(path: folder + "/memory.current").lines.first.flatMap({ Int($0) })
      else { return nil }
      return max(0, limit - used)
    }
    return nil
  }
}

/// A table of `name: value` lines under `/proc`; empty when it cannot be read.
private struct SystemTable {
  let lines: [Substring]

  init(path: String) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      lines = []
      return
    }
    defer { close(descriptor) }
    // These files have no size; a processor table of many cores need not be read to its end.
    let content = [UInt8](unsafeUninitializedCapacity: 1 << 16) { buffer, filled in
      while filled < buffer.count, let base = buffer.baseAddress {
        let got = read(descriptor, base + filled, buffer.count - filled)
        if got > 0 { filled += got } else if got == 0 || errno != EINTR { break }
      }
    }
    lines = String(decoding: content, as: UTF8.self).split(separator: "\n")
  }

  /// The value of the first line called `name`.
  func text(_ name: String) -> String? {
    for line in lines {
      let parts = line.split(separator: ":", maxSplits: 1)
      guard parts.count == 2, Self.trimmed(parts[0]) == name else { continue }
      return String(Self.trimmed(parts[1]))
    }
    return nil
  }

  /// The value of a line in `kB`.
  func bytes(_ name: String) -> Int? {
    guard let words = text(name)?.split(separator: " "), words.count == 2, words[1] == "kB" else {
      return nil
    }
    return Int(words[0]).map { $0 * 1024 }
  }

  private static func trimmed(_ text: Substring) -> Substring {
    var text = text
    while let first = text.first, first.isWhitespace { text.removeFirst() }
    while let last = text.last, last.isWhitespace { text.removeLast() }
    return text
  }
}
