internal import Platform

/// Memory of one packed weight: in huge pages when it fills at least half of one.
///
/// A small weight in a huge page of its own would take many times its size.
final class PackedMemory: @unchecked Sendable {
  // Unchecked: written while the weight is packed, only read after that.

  /// Starts at a multiple of 64.
  let base: UnsafeMutableRawPointer
  let byteCount: Int
  private let pages: HugeBuffer?

  /// Takes `byteCount` bytes.
  ///
  /// - Throws: the platform's error when memory is refused.
  init(byteCount: Int) throws {
    self.byteCount = byteCount
    if byteCount >= HugeBuffer.pageBytes / 2 {
      let buffer = try HugeBuffer(byteCount: byteCount)
      if let start = buffer.bytes.baseAddress {
        pages = buffer
        base = start
        return
      }
    }
    pages = nil
    base = try HeapMemory.take(byteCount)
  }

  /// Bytes that are in memory, as the system tells.
  var residentBytes: Int { pages?.residentBytes ?? byteCount }

  deinit { if pages == nil { base.deallocate() } }
}
