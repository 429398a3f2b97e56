import Glibc

/// What the machine refused, with the path or size it was asked for.
package enum PlatformError: Error, Equatable, Sendable {
  /// A system call failed; `code` is its `errno`.
  case system(operation: String, path: String, code: Int32)
  /// A path names something that is not a regular file.
  case notRegularFile(path: String, found: String)
  /// A file is not what it was when it was opened.
  case changedSinceOpening(path: String, expectedBytes: Int, foundBytes: Int)
  /// A range outside a file or a buffer was asked for.
  case outOfBounds(path: String, offset: Int, count: Int, size: Int)
  /// The machine gave no memory.
  case memoryRefused(bytes: Int, code: Int32)
  /// Text that is not JSON, or JSON that readers would understand differently.
  case invalidJSON(reason: String, offset: Int)
  /// A log that another process holds.
  case lockedByAnother(path: String)
}

extension PlatformError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .system(let operation, let path, let code):
      "could not \(operation) \(path): \(Self.words(code))"
    case .notRegularFile(let path, let found):
      "expected a regular file, found \(found): \(path)"
    case .changedSinceOpening(let path, let expected, let found):
      found == expected
        ? "\(path) was written to after it was opened"
        : "\(path) changed after it was opened: expected \(expected) bytes, found \(found)"
    case .outOfBounds(let path, let offset, let count, let size):
      "expected \(count) bytes at offset \(offset), found \(size) bytes in all: \(path)"
    case .memoryRefused(let bytes, let code):
      "expected \(bytes) bytes of memory, the system refused: \(Self.words(code))"
    case .invalidJSON(let reason, let offset):
      "invalid JSON at byte \(offset): \(reason)"
    case .lockedByAnother(let path):
      "another process is writing \(path)"
    }
  }

  /// The system's words for an `errno` value.
  package static func words(_ code: Int32) -> String {
    // In glibc the text belongs to the calling thread.
    strerror(code).map { String(cString: $0) } ?? "error \(code)"
  }
}
