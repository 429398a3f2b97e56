/// The 256 characters by which byte-level tokenizers spell bytes.
///
/// From GPT-2 (Radford and others 2019).
/// Printable Latin-1 stands for itself; every other byte, in order, takes the next character from
/// U+0100 on, so that no token holds a blank or a control character.
enum ByteLevelAlphabet {
  /// The scalar of each byte, `[256]`.
  static let scalars: [UInt16] = {
    var scalars = [UInt16](repeating: 0, count: 256)
    var next: UInt16 = 0x100
    for byte in UInt16(0)...255 {
      switch byte {
      case 0x21...0x7e, 0xa1...0xac, 0xae...0xff:
        scalars[Int(byte)] = byte
      default:
        scalars[Int(byte)] = next
        next += 1
      }
    }
    return scalars
  }()

  /// The byte of each scalar below U+0180, or -1.
  private static let bytes: [Int16] = {
    var bytes = [Int16](repeating: -1, count: 0x180)
    for (byte, scalar) in scalars.enumerated() { bytes[Int(scalar)] = Int16(byte) }
    return bytes
  }()

  /// Spells the bytes of `text`; `ends` are moved to the ends of the same pieces.
  static func spell(_ text: [UInt8], ends: inout [Int]) -> [UInt8] {
    scalars.withUnsafeBufferPointer { scalars in
      text.withUnsafeBufferPointer { text in
        ends.withUnsafeMutableBufferPointer { ends in
          [UInt8](unsafeUninitializedCapacity: text.count * 2) { output, count in
            var position = 0
            for piece in ends.indices {
              let end = ends[piece]
              while position < end {
                let scalar = scalars[Int(text[position])]
                if scalar < 0x80 {
                  output[count] = UInt8(truncatingIfNeeded: scalar)
                  count += 1
                } else {
                  output[count] = 0xc0 | UInt8(truncatingIfNeeded: scalar >> 6)
                  output[count + 1] = 0x80 | UInt8(truncatingIfNeeded: scalar & 0x3f)
                  count += 2
                }
                position += 1
              }
              ends[piece] = count
            }
          }
        }
      }
    }
  }

  /// The bytes that `token` spells, or nil when one of its characters is not of the alphabet.
  static func bytes(spelledBy token: [UInt8]) -> [UInt8]? {
    var result: [UInt8] = []
    result.reserveCapacity(token.count)
    for scalar in String(decoding: token, as: UTF8.self).unicodeScalars {
      guard scalar.value < 0x180, bytes[Int(scalar.value)] >= 0 else { return nil }
      result.append(UInt8(truncatingIfNeeded: bytes[Int(scalar.value)]))
    }
    return result
  }
}
