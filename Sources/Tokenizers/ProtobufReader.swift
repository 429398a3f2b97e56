/// A bounded reader of the protobuf wire format: fields in order, nothing allocated, no recursion.
///
/// Groups, field number 0 and lengths beyond the end are refused. A message inside another is read by
/// a reader of its own, so that depth is decided by code, not by the file.
struct ProtobufReader {
  enum Value {
    case varint(UInt64)
    case fixed64(UInt64)
    case bytes(UnsafeRawBufferPointer)
    case fixed32(UInt32)
  }

  private let data: UnsafeRawBufferPointer
  private let file: String
  /// What is read, for messages.
  private let message: String
  private var position = 0

  init(_ data: UnsafeRawBufferPointer, message: String, file: String) {
    self.data = data
    self.message = message
    self.file = file
  }

  /// The next field, or nil at the end.
  mutating func next() throws(TokenizerError) -> (field: Int, value: Value)? {
    guard position < data.count else { return nil }
    let key = try varint()
    guard key >> 3 > 0, key >> 3 < 1 << 29 else {
      throw wrong("a field number from 1 on", "\(key >> 3)")
    }
    let field = Int(key >> 3)
    switch key & 7 {
    case 0: return (field, .varint(try varint()))
    case 1: return (field, .fixed64(try fixed(UInt64.self)))
    case 2:
      let length = try varint()
      guard length <= UInt64(data.count - position) else {
        throw wrong("at most \(data.count - position) bytes in field \(field)", "\(length)")
      }
      let start = position
      position += Int(length)
      return (field, .bytes(UnsafeRawBufferPointer(rebasing: data[start..<position])))
    case 5: return (field, .fixed32(try fixed(UInt32.self)))
    case let type: throw wrong("wire type 0, 1, 2 or 5 in field \(field)", "\(type)")
    }
  }

  private mutating func varint() throws(TokenizerError) -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: 0, to: 70, by: 7) {
      guard position < data.count else { throw wrong("a number", "the end") }
      let byte = data[position]
      position += 1
      // The tenth byte holds the last bit.
      guard shift < 63 || byte <= 1 else { break }
      value |= UInt64(byte & 0x7f) << UInt64(shift)
      if byte < 0x80 { return value }
    }
    throw wrong("a number of at most 64 bits", "a longer one")
  }

  private mutating func fixed<Word: FixedWidthInteger & BitwiseCopyable>(
    _ type: Word.Type
  ) throws(TokenizerError) -> Word {
    let size = MemoryLayout<Word>.size
    guard size <= data.count - position else { throw wrong("\(size) bytes", "the end") }
    let word = data.loadUnaligned(fromByteOffset: position, as: Word.self)
    position += size
    return Word(littleEndian: word)
  }

  private func wrong(_ expected: String, _ found: String) -> TokenizerError {
    .malformed(
      file: file, field: "\(message), byte \(position)", expected: expected, found: found)
  }
}

extension ProtobufReader.Value {
  var bytes: UnsafeRawBufferPointer? { if case .bytes(let bytes) = self { bytes } else { nil } }
  var number: UInt64? { if case .varint(let number) = self { number } else { nil } }
  var float: Float? { if case .fixed32(let word) = self { Float(bitPattern: word) } else { nil } }
  var flag: Bool? { number.map { $0 != 0 } }
}
