/// The tokens of a model and their ids: byte strings to ids and back.
///
/// Ids need be neither dense nor in order, but stay below 2^24 and below four times the number of
/// tokens, so that an id from a file never decides how much memory is taken.
package final class Vocabulary: @unchecked Sendable {
  // Unchecked: the table is filled in the initializer and only read afterwards.
  private let table: ByteStringTable
  private let idOfNumber: [Int32]
  private let numberOfID: [Int32]

  /// The number of tokens.
  package var count: Int { idOfNumber.count }
  /// One more than the largest id.
  package var idLimit: Int { numberOfID.count }
  /// The length of the longest token in bytes.
  let longestToken: Int

  /// Makes a vocabulary of tokens and their ids.
  ///
  /// - Throws: `TokenizerError.malformed` naming `file` and the token when an id is out of range or
  ///   taken, or a token is there twice.
  init(_ tokens: [(bytes: [UInt8], id: Int)], file: String, field: String) throws(TokenizerError) {
    let table = ByteStringTable(expecting: tokens.count)
    let limit = min(1 << 24, max(tokens.count * 4, 256))
    var longest = 0
    var ids: [Int32] = []
    ids.reserveCapacity(tokens.count)
    for (bytes, id) in tokens {
      guard id >= 0, id < limit, let narrow = Int32(exactly: id) else {
        throw .malformed(
          file: file, field: "\(field)[\(Self.quoted(bytes))]",
          expected: "an id in 0..<\(limit) for \(tokens.count) tokens", found: "\(id)")
      }
      guard bytes.withUnsafeBytes({ table.insert($0).isNew }) else {
        throw .malformed(
          file: file, field: field, expected: "each token once",
          found: "\(Self.quoted(bytes)) twice")
      }
      ids.append(narrow)
      longest = max(longest, bytes.count)
    }
    var numbers = [Int32](repeating: -1, count: ids.max().map { Int($0) + 1 } ?? 0)
    for (number, id) in ids.enumerated() {
      guard numbers[Int(id)] < 0 else {
        throw .malformed(
          file: file, field: "\(field)[\(Self.quoted(tokens[number].bytes))]",
          expected: "an id of its own",
          found: "\(id), the id of \(Self.quoted(tokens[Int(numbers[Int(id)])].bytes))")
      }
      numbers[Int(id)] = Int32(truncatingIfNeeded: number)
    }
    self.table = table
    idOfNumber = ids
    numberOfID = numbers
    longestToken = longest
  }

  /// The id of a token, or nil.
  @inline(__always)
  func id(of token: UnsafeRawBufferPointer) -> Int32? {
    table.number(of: token).map { idOfNumber[$0] }
  }

  /// The id of a token, or nil.
  package func id(of token: [UInt8]) -> Int32? { token.withUnsafeBytes { id(of: $0) } }

  /// The token with this id as it is spelled in the file, or nil.
  package func token(_ id: Int32) -> [UInt8]? {
    guard id >= 0, Int(id) < numberOfID.count, numberOfID[Int(id)] >= 0 else { return nil }
    return Array(table[Int(numberOfID[Int(id)])])
  }

  /// The beginning of a token in quotes, for messages.
  static func quoted(_ token: some Collection<UInt8>) -> String {
    let text = String(decoding: token.prefix(60), as: UTF8.self)
    return "\"\(text)\(token.count > 60 ? "..." : "")\""
  }
}
