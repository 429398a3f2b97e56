import FoundationEssentials
import Glibc

/// What an error of the libraries below says, in words of this program.
package enum ErrorWords {
  /// What is wrong and where; an error of ours says that by itself.
  package static func of(_ error: any Error) -> String {
    switch error {
    case let error as DecodingError: of(error)
    case let error as EncodingError: of(error)
    case let error as POSIXError: PlatformError.words(error.code.rawValue)
    case let error as CocoaError: of(error)
    default: "\(error)"
    }
  }

  private static func of(_ error: DecodingError) -> String {
    switch error {
    case .keyNotFound(let key, let context):
      "expected '\(key.stringValue)' \(place(context.codingPath)), found nothing"
    case .typeMismatch(_, let context), .valueNotFound(_, let context):
      "the wrong kind of value \(place(context.codingPath))"
    case .dataCorrupted(let context):
      context.codingPath.isEmpty
        ? "it is no JSON document" : "\(context.debugDescription) \(place(context.codingPath))"
    @unknown default: "it cannot be read"
    }
  }

  private static func of(_ error: EncodingError) -> String {
    switch error {
    case .invalidValue(_, let context):
      "a value that cannot be written \(place(context.codingPath))"
    @unknown default: "it cannot be written"
    }
  }

  private static func of(_ error: CocoaError) -> String {
    let path = error.filePath.map { "\($0): " } ?? ""
    if let cause = error.underlying as? POSIXError {
      return path + PlatformError.words(cause.code.rawValue)
    }
    let words =
      switch error.code {
      case .fileNoSuchFile, .fileReadNoSuchFile: PlatformError.words(ENOENT)
      case .fileWriteFileExists: PlatformError.words(EEXIST)
      case .fileReadNoPermission, .fileWriteNoPermission: PlatformError.words(EACCES)
      case .fileWriteOutOfSpace: PlatformError.words(ENOSPC)
      case .fileWriteVolumeReadOnly: PlatformError.words(EROFS)
      default: "the system refused (\(error.code.rawValue))"
      }
    return path + words
  }

  private static func place(_ path: [any CodingKey]) -> String {
    let place = path.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }.joined(separator: ".")
    return place.isEmpty ? "at the top" : "at \(place)"
  }
}
