/// Checks of UTF-8 and of where its characters begin and end (Unicode 16, section 3.9, table 3-7).
package enum UTF8Validation {
  /// The offset of the first byte that no UTF-8 text has there, or nil.
  ///
  /// A character cut short by the end is reported at its first byte.
  package static func firstInvalidOffset(in bytes: some Sequence<UInt8>) -> Int? {
    if let found = bytes.withContiguousStorageIfAvailable({ firstInvalidOffset(in: $0) }) {
      return found
    }
    return Array(bytes).withUnsafeBufferPointer { firstInvalidOffset(in: $0) }
  }

  /// Throws `TokenizerError.invalidUTF8` with the offset of the first wrong byte.
  package static func check(_ bytes: some Sequence<UInt8>) throws(TokenizerError) {
    if let offset = firstInvalidOffset(in: bytes) { throw .invalidUTF8(offset: offset) }
  }

  private static func firstInvalidOffset(in bytes: UnsafeBufferPointer<UInt8>) -> Int? {
    var position = 0
    while position < bytes.count {
      if bytes[position] < 0x80 {
        position += 1
        continue
      }
      guard case .complete(let length) = character(in: bytes, at: position) else { return position }
      position += length
    }
    return nil
  }

  /// What stands at a place in bytes that may not be UTF-8.
  enum Character: Equatable {
    /// A whole character of so many bytes.
    case complete(length: Int)
    /// The beginning of a character, up to the end of the bytes.
    case cutShort
    /// A byte that begins no character.
    case invalid
  }

  /// What stands at `position`, which is inside `bytes`.
  static func character(in bytes: UnsafeBufferPointer<UInt8>, at position: Int) -> Character {
    let first = bytes[position]
    var second: ClosedRange<UInt8> = 0x80...0xbf
    let length: Int
    switch first {
    case 0..<0x80: return .complete(length: 1)
    case 0xc2...0xdf: length = 2
    case 0xe0...0xef:
      length = 3
      if first == 0xe0 { second = 0xa0...0xbf }
      // Surrogates.
      if first == 0xed { second = 0x80...0x9f }
    case 0xf0...0xf4:
      length = 4
      if first == 0xf0 { second = 0x90...0xbf }
      if first == 0xf4 { second = 0x80...0x8f }
    default: return .invalid
    }
    for step in 1..<length {
      guard position + step < bytes.count else { return .cutShort }
      let allowed = step == 1 ? second : 0x80...0xbf
      guard allowed.contains(bytes[position + step]) else { return .invalid }
    }
    return .complete(length: length)
  }

  /// The bytes of a character, told from its first byte; only for valid UTF-8.
  @inline(__always)
  static func length(first: UInt8) -> Int {
    first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
  }
}
