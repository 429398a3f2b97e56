import Glibc

/// Anonymous, zeroed memory that asks for huge pages.
///
/// Starts at a 2 MiB boundary; where the system gives no huge pages, ordinary ones serve.
package final class HugeBuffer: @unchecked Sendable {
  // Unchecked: who shares the memory between threads keeps writers apart, as with any buffer.

  /// Bytes of a huge page.
  package static let pageBytes = 2 << 20

  /// The memory, as long as was asked for, zero at first.
  package let bytes: UnsafeMutableRawBufferPointer
  /// Bytes taken from the system, whole huge pages.
  package let reservedBytes: Int
  /// Whether the system accepted the request for huge pages.
  package let asksForHugePages: Bool

  private let mapping: UnsafeMutableRawPointer

  /// Takes `byteCount` bytes.
  ///
  /// - Throws: `PlatformError.memoryRefused` when the system refuses or the size is absurd. Linux may
  ///   promise memory it does not have; compare with `Machine.memoryAvailable()` before large requests.
  package init(byteCount: Int) throws(PlatformError) {
    let page = Self.pageBytes
    guard byteCount >= 0, byteCount <= Int.max / 2 else {
      throw .memoryRefused(bytes: byteCount, code: EINVAL)
    }
    let reserved = max(1, (byteCount + page - 1) / page) * page
    // One page more than needed, so that an aligned start lies inside; what sticks out goes back.
    let mapped = mmap(
      nil, reserved + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let mapped, mapped != MAP_FAILED else {
      throw .memoryRefused(bytes: byteCount, code: errno)
    }
    let address = UInt(bitPattern: mapped)
    let lead = Int((UInt(page) - address % UInt(page)) % UInt(page))
    if lead > 0 { munmap(mapped, lead) }
    mapping = mapped + lead
    if lead < page { munmap(mapping + reserved, page - lead) }
    asksForHugePages = madvise(mapping, reserved, MADV_HUGEPAGE) == 0
    reservedBytes = reserved
    bytes = UnsafeMutableRawBufferPointer(start: mapping, count: byteCount)
  }

  /// Bytes that are in memory, as the system tells: of pages nobody touched there are none.
  package var residentBytes: Int {
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    var pages = [UInt8](repeating: 0, count: (reservedBytes + page - 1) / page)
    guard mincore(mapping, reservedBytes, &pages) == 0 else { return 0 }
    return pages.count { $0 & 1 != 0 } * page
  }

  deinit { munmap(mapping, reservedBytes) }
}
