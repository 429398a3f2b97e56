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
