import Glibc

/// Memory of the heap that may be refused: what `allocate` of a pointer would end the program for is an error here.
package enum HeapMemory {
  /// Takes `byteCount` bytes at a multiple of 64, their contents whatever was there; `deallocate` of the pointer gives them back.
  ///
  /// - Throws: `PlatformError.memoryRefused` with the number.
  package static func take(_ byteCount: Int) throws(PlatformError) -> UnsafeMutableRawPointer {
    guard byteCount >= 0, byteCount <= Int.max / 2 else {
      throw .memoryRefused(bytes: byteCount, code: EINVAL)
    }
    var memory: UnsafeMutableRawPointer?
    let code = posix_memalign(&memory, 64, max(64, byteCount))
    guard code == 0, let memory else { throw .memoryRefused(bytes: byteCount, code: code) }
    return memory
  }

  /// Requests of fewer bytes are served from what the heap has, and are not looked at.
  private static let leastExpected = 1 << 20

  /// Looks whether the system would give room for `count` elements of `bytes` each now: for arrays, which end the program where
  /// they are refused.
  ///
  /// Nothing is held afterwards, so another thread may take the room in between; against a limit that a request is simply
  /// beyond, this tells.
  ///
  /// - Throws: `PlatformError.memoryRefused` with the bytes.
  package static func expect(_ count: Int, of bytes: Int = 1) throws(PlatformError) {
    let (size, isBeyond) = max(0, count).multipliedReportingOverflow(by: bytes)
    guard !isBeyond, size <= Int.max / 2 else {
      throw .memoryRefused(bytes: isBeyond ? Int.max : size, code: ENOMEM)
    }
    guard size >= leastExpected else { return }
    let mapped = mmap(
      nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    if let mapped, mapped != MAP_FAILED {
      munmap(mapped, size)
      return
    }
    // The heap may still hold a free piece of that size.
    try take(size).deallocate()
  }

  /// Takes room for `count` numbers.
  ///
  /// - Throws: `PlatformError.memoryRefused` with the bytes.
  package static func floats(
    _ count: Int
  ) throws(PlatformError) -> UnsafeMutablePointer<Float> {
    let (bytes, isBeyond) = max(1, count).multipliedReportingOverflow(by: 4)
    return try take(isBeyond ? Int.max : bytes).bindMemory(to: Float.self, capacity: max(1, count))
  }
}
