/// A checksum of bytes, 64 bits wide, to tell what was kept from what has been damaged since.
///
/// Four lanes take turns at words of eight bytes. Each step is one to one in the word and in the lane, and so is what puts the
/// lanes together: a change within one word, and so any single flipped bit, always changes the sum. It tells damage, not
/// intent.
package struct Checksum: Hashable, Sendable, CustomStringConvertible {
  private var value: UInt64

  package init(_ bytes: UnsafeRawBufferPointer) {
    var lanes: (UInt64, UInt64, UInt64, UInt64) = (1, 2, 3, 4)
    let stripes = bytes.count / 32
    func word(_ offset: Int) -> UInt64 {
      UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }
    for stripe in 0..<stripes {
      let offset = stripe * 32
      lanes.0 = Self.mixed(lanes.0, word(offset))
      lanes.1 = Self.mixed(lanes.1, word(offset + 8))
      lanes.2 = Self.mixed(lanes.2, word(offset + 16))
      lanes.3 = Self.mixed(lanes.3, word(offset + 24))
    }
    var sum = Self.mixed(UInt64(bytes.count), lanes.0)
    for lane in [lanes.1, lanes.2, lanes.3] { sum = Self.mixed(sum, lane) }
    for index in stripes * 32..<bytes.count { sum = Self.mixed(sum, UInt64(bytes[index])) }
    value = sum ^ sum >> 29
  }

  package init(_ bytes: [UInt8]) {
    self = bytes.withUnsafeBytes { Checksum($0) }
  }

  /// 16 hexadecimal digits.
  package var description: String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  private static func mixed(_ lane: UInt64, _ word: UInt64) -> UInt64 {
    let product = (lane ^ word) &* 0x9E37_79B9_7F4A_7C15
    return product << 31 | product >> 33
  }
}
