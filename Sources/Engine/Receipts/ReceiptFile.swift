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
      throw EngineError.badReceipt(path: path, reason: ErrorWords.of(error))
    }
  }

  /// The bytes of the file.
  static func bytes(_ receipt: Receipt) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    return [UInt8](try encoder.encode(receipt)) + [UInt8(ascii: "\n")]
  }
}
