import Glibc

/// Text files that people write, such as recipes and themes, read whole and never beyond a size.
package enum TextFile {
  /// Reads a regular file of UTF-8.
  ///
  /// - Throws: `PlatformError`: `.notRegularFile` for a pipe or a device, which could be waited for without end, `.tooLong`
  ///   for more than `limit` bytes, `.notText` for what is no UTF-8.
  package static func read(_ path: String, atMost limit: Int) throws(PlatformError) -> String {
    let file = try MappedFile(path: path)
    guard file.byteCount <= limit else {
      throw .tooLong(path: path, limit: limit, found: file.byteCount)
    }
    let bytes = try file.read(at: 0, count: file.byteCount)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw .notText(path: path)
    }
    return text
  }
}
