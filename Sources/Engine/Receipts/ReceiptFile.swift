import FoundationEssentials
import Platform

/// A receipt as a JSON file.
package enum ReceiptFile {
  /// - Throws: `EngineError.badReceipt` that says what is wrong and where; `PlatformError` where it cannot be read.
  package static func read(_ path: String) throws -> Receipt {
    let file = try MappedFile(path: path)
    let data = Data(try file.read(at: 0, count: file.byteCount))
    struct Format: Decodable {
      var format: Int
    }
    do {
      let found = try JSONDecoder().decode(Format.self, from: data).format
      guard found == Receipt.format else {
        throw EngineError.badReceipt(
          path: path, reason: "expected format \(Receipt.format), found \(found)")
      }
      return try JSONDecoder().decode(Receipt.self, from: data)
    } catch let error as DecodingError {
      throw EngineError.badReceipt(path: path, reason: error.plainWords)
    }
  }

  /// The bytes of the file.
  static func bytes(_ receipt: Receipt) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    return [UInt8](try encoder.encode(receipt)) + [UInt8(ascii: "\n")]
  }
}

extension DecodingError {
  /// What is wrong and where, without the names of types.
  fileprivate var plainWords: String {
    func place(_ context: Context) -> String {
      let path = context.codingPath.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }
        .joined(separator: ".")
      return path.isEmpty ? "at the top" : "at \(path)"
    }
    return switch self {
    case .keyNotFound(let key, let context):
      "expected '\(key.stringValue)' \(place(context)), found nothing"
    case .typeMismatch(_, let context), .valueNotFound(_, let context):
      "the wrong kind of value \(place(context))"
    case .dataCorrupted(let context):
      context.codingPath.isEmpty
        ? "it is no JSON document" : "\(context.debugDescription) \(place(context))"
    @unknown default: "it cannot be read"
    }
  }
}
