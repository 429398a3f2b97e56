import Glibc

/// What the machine refused, with the path or size it was asked for.
package enum PlatformError: Error, Equatable, Sendable {
  /// A system call failed; `code` is its `errno`.
  case system(operation: String, path: String, code: Int32)
  /// A path names something that is not a regular file.
  case notRegularFile(path: String, found: String)
  /// A file is not what it was when it was opened.
  case changedSinceOpening(path: String, expectedBytes: Int, foundBytes: Int)
  /// A path leads to another file now.
  case replacedSinceOpening(path: String)
  /// Something that was read while this was written has become shorter.
  case sourceLost(path: String)
  /// A file of text with more than `limit` bytes.
  case tooLong(path: String, limit: Int, found: Int)
  /// A file of text that is no UTF-8.
  case notText(path: String)
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
    case .replacedSinceOpening(let path):
      "\(path) was replaced or removed after it was opened"
    case .tooLong(let path, let limit, let found):
      "\(path): expected at most \(limit) bytes, found \(found)"
    case .notText(let path): "\(path): expected text in UTF-8"
    case .sourceLost(let path):
      "\(path) was not written: a file that it is made from became shorter meanwhile"
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

  /// What went wrong without the path, for messages that name it already.
  package var cause: String {
    switch self {
    case .system(let operation, _, let code): "could not \(operation) it: \(Self.words(code))"
    case .notRegularFile(_, let found): found
    case .tooLong(_, _, let found): "\(found) bytes"
    case .notText: "bytes that are no UTF-8"
    default: description
    }
  }

  /// The system's words for an `errno` value.
  package static func words(_ code: Int32) -> String {
    // In glibc the text belongs to the calling thread.
    strerror(code).map { String(cString: $0) } ?? "error \(code)"
  }
}
