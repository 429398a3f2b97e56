/// What the splitting patterns of tokenizers can tell about a character.
///
/// The classes are those of Oniguruma, which the reference runs: `\p{L}`, `\p{N}`, `\s` (White_Space),
/// and `[\r\n]` apart.
enum UnicodeClass: UInt8 {
  case letter
  case number
  case newline
  case space
  case other

  /// Class and length of the character that begins at `position`; `text` is valid UTF-8.
  @inline(__always)
  static func read(_ text: UnsafeBufferPointer<UInt8>, at position: Int) -> (Self, length: Int) {
    let first = text[position]
    if first < 0x80 { return (ofASCII(first), 1) }
    let (scalar, length) = scalar(text, at: position)
    return (of(scalar), length)
  }

  /// The class of an ASCII character.
  @inline(__always)
  static func ofASCII(_ byte: UInt8) -> Self {
    switch byte {
    case 0x61...0x7a, 0x41...0x5a: .letter
    case 0x20, 0x09, 0x0b, 0x0c: .space
    case 0x0a, 0x0d: .newline
    case 0x30...0x39: .number
    default: .other
    }
  }

  /// The class of any character.
  static func of(_ scalar: UInt32) -> Self {
    switch scalar {
    case 0..<0x80: return ofASCII(UInt8(scalar))
    // Two large blocks without the walk through the tables: CJK and Hangul.
    case 0x4e00...0x9fff, 0xac00...0xd7a3: return .letter
    case 0x85, 0xa0, 0x1680, 0x2000...0x200a, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000:
      return .space
    default: break
    }
    guard let properties = Unicode.Scalar(scalar)?.properties else { return .other }
    switch properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
      return .letter
    case .decimalNumber, .letterNumber, .otherNumber:
      return .number
    default:
      return .other
    }
  }

  /// The scalar that begins at `position` and its length in bytes; `text` is valid UTF-8.
  @inline(__always)
  static func scalar(_ text: UnsafeBufferPointer<UInt8>, at position: Int) -> (UInt32, length: Int)
  {
    let first = UInt32(text[position])
    if first < 0x80 { return (first, 1) }
    let second = UInt32(text[position + 1] & 0x3f)
    if first < 0xe0 { return ((first & 0x1f) << 6 | second, 2) }
    let third = UInt32(text[position + 2] & 0x3f)
    if first < 0xf0 { return ((first & 0x0f) << 12 | second << 6 | third, 3) }
    let fourth = UInt32(text[position + 3] & 0x3f)
    return ((first & 0x07) << 18 | second << 12 | third << 6 | fourth, 4)
  }

  /// Whether a scalar is part of a word: `\w` of Unicode Technical Standard 18.
  static func isWord(_ scalar: UInt32) -> Bool {
    guard let properties = Unicode.Scalar(scalar)?.properties else { return false }
    if properties.isAlphabetic || properties.isJoinControl { return true }
    switch properties.generalCategory {
    case .decimalNumber, .connectorPunctuation, .nonspacingMark, .spacingMark, .enclosingMark:
      return true
    default:
      return false
    }
  }
}
