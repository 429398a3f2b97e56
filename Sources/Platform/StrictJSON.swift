/// A JSON reader (RFC 8259) that refuses what readers disagree about.
///
/// Duplicate names, trailing commas, byte order marks, invalid UTF-8, lone surrogates, text after the
/// value and deep nesting are errors. Time is linear in the length of the text.
package enum StrictJSON {
  /// What a text may cost.
  package struct Limits: Sendable {
    /// Arrays and objects inside one another.
    package var depth: Int
    /// Values in all, each of which takes some 40 bytes of memory or more.
    package var values: Int

    package init(depth: Int = 64, values: Int = 8_000_000) {
      // The reader calls itself once a level.
      self.depth = min(depth, 512)
      self.values = values
    }
  }

  /// Reads one JSON text.
  ///
  /// - Throws: `PlatformError.invalidJSON` with the reason and the byte it was found at.
  package static func parse(_ text: UnsafeRawBufferPointer, limits: Limits = Limits())
    throws(PlatformError) -> JSONValue
  {
    var reader = Reader(text: text, valuesLeft: limits.values)
    let value = try reader.value(depthLeft: limits.depth)
    reader.skipSpace()
    guard reader.isAtEnd else { throw reader.error("text after the value") }
    return value
  }

  /// Reads one JSON text.
  ///
  /// - Throws: `PlatformError.invalidJSON` with the reason and the byte it was found at.
  package static func parse(_ text: [UInt8], limits: Limits = Limits()) throws(PlatformError)
    -> JSONValue
  {
    // `withUnsafeBytes` cannot carry a typed error.
    let result: Result<JSONValue, PlatformError> = text.withUnsafeBytes { bytes in
      do throws(PlatformError) {
        return .success(try parse(bytes, limits: limits))
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  /// Whether `text` is one whole JSON text.
  package static func accepts(_ text: UnsafeRawBufferPointer) -> Bool {
    // Only the answer matters here, not the reason.
    (try? parse(text)) != nil
  }
}

/// The place in the text.
private struct Reader {
  let text: UnsafeRawBufferPointer
  var valuesLeft: Int
  var position = 0

  init(text: UnsafeRawBufferPointer, valuesLeft: Int) {
    self.text = text
    self.valuesLeft = valuesLeft
  }

  var isAtEnd: Bool { position == text.count }

  /// The byte at the position, 0 at the end; a zero byte is no part of any JSON text.
  var byte: UInt8 { position < text.count ? text[position] : 0 }

  func error(_ reason: String) -> PlatformError { .invalidJSON(reason: reason, offset: position) }

  /// Names what is there instead of what was expected.
  func unexpected(_ expected: String) -> PlatformError {
    if isAtEnd { return error("expected \(expected), found the end") }
    let found = byte
    let words =
      (0x21...0x7e).contains(found)
      ? "\"\(Character(UnicodeScalar(found)))\"" : "byte 0x\(String(found, radix: 16))"
    return error("expected \(expected), found \(words)")
  }

  mutating func skipSpace() {
    while position < text.count {
      switch text[position] {
      case 0x20, 0x09, 0x0a, 0x0d: position += 1
      default: return
      }
    }
  }

  mutating func value(depthLeft: Int) throws(PlatformError) -> JSONValue {
    valuesLeft -= 1
    guard valuesLeft >= 0 else { throw error("too many values") }
    skipSpace()
    switch byte {
    case UInt8(ascii: "{"): return .object(try object(depthLeft: depthLeft - 1))
    case UInt8(ascii: "["): return .array(try array(depthLeft: depthLeft - 1))
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number(try number())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    default: throw unexpected("a value")
    }
  }

  private mutating func word(_ word: StaticString, _ value: JSONValue) throws(PlatformError)
    -> JSONValue
  {
    let length = word.utf8CodeUnitCount
    for index in 0..<length {
      guard position + index < text.count, text[position + index] == word.utf8Start[index] else {
        throw unexpected("a value")
      }
    }
    position += length
    return value
  }

  private mutating func object(depthLeft: Int) throws(PlatformError) -> JSONObject {
    guard depthLeft >= 0 else { throw error("nested too deeply") }
    position += 1
    var object = JSONObject()
    skipSpace()
    if byte == UInt8(ascii: "}") {
      position += 1
      return object
    }
    while true {
      skipSpace()
      guard byte == UInt8(ascii: "\"") else { throw unexpected("a name in quotes") }
      let start = position
      let name = try string()
      skipSpace()
      guard byte == UInt8(ascii: ":") else { throw unexpected("a colon") }
      position += 1
      let value = try value(depthLeft: depthLeft)
      guard object.append(name, value) else {
        position = start
        throw error("the name \"\(name.prefix(80))\" appears twice")
      }
      skipSpace()
      switch byte {
      case UInt8(ascii: ","): position += 1
      case UInt8(ascii: "}"):
        position += 1
        return object
      default: throw unexpected("a comma or a closing brace")
      }
    }
  }

  private mutating func array(depthLeft: Int) throws(PlatformError) -> [JSONValue] {
    guard depthLeft >= 0 else { throw error("nested too deeply") }
    position += 1
    var items: [JSONValue] = []
    skipSpace()
    if byte == UInt8(ascii: "]") {
      position += 1
      return items
    }
    while true {
      items.append(try value(depthLeft: depthLeft))
      skipSpace()
      switch byte {
      case UInt8(ascii: ","): position += 1
      case UInt8(ascii: "]"):
        position += 1
        return items
      default: throw unexpected("a comma or a closing bracket")
      }
    }
  }

  private mutating func number() throws(PlatformError) -> JSONNumber {
    let start = position
    if byte == UInt8(ascii: "-") { position += 1 }
    if byte == UInt8(ascii: "0") {
      position += 1
    } else {
      try digits()
    }
    if byte == UInt8(ascii: ".") {
      position += 1
      try digits()
    }
    let hasExponent = byte | 0x20 == UInt8(ascii: "e")
    if hasExponent {
      position += 1
      if byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") { position += 1 }
      try digits()
    }
    guard position - start <= 400 else {
      position = start
      throw error("a number of more than 400 characters")
    }
    let number = JSONNumber(checked: String(decoding: text[start..<position], as: UTF8.self))
    // Nothing of up to 300 digits is too large, but an exponent may be.
    guard position - start <= 300 && !hasExponent || number.double.isFinite else {
      position = start
      throw error("a number beyond what can be stored")
    }
    return number
  }

  private mutating func digits() throws(PlatformError) {
    guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else {
      throw unexpected("a digit")
    }
    while (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
  }

  private mutating func string() throws(PlatformError) -> String {
    position += 1
    let start = position
    while position < text.count {
      let byte = text[position]
      if byte == UInt8(ascii: "\"") {
        let plain = try decoded(text[start..<position], from: start)
        position += 1
        return plain
      }
      if byte == UInt8(ascii: "\\") { return try escapedString(from: start) }
      guard byte >= 0x20 else { throw error("a control character inside a string") }
      position += 1
    }
    throw error("expected a closing quote, found the end")
  }

  /// A string in which an escape was met at the position.
  private mutating func escapedString(from start: Int) throws(PlatformError) -> String {
    var bytes = Array(text[start..<position])
    while position < text.count {
      let byte = text[position]
      switch byte {
      case UInt8(ascii: "\""):
        let end = position
        let whole = bytes.withUnsafeBytes { String(validating: $0, as: UTF8.self) }
        guard let whole else {
          position = start
          throw error("a string that is not UTF-8")
        }
        position = end + 1
        return whole
      case UInt8(ascii: "\\"): try escape(into: &bytes)
      case 0..<0x20: throw error("a control character inside a string")
      default:
        bytes.append(byte)
        position += 1
      }
    }
    throw error("expected a closing quote, found the end")
  }

  private mutating func escape(into bytes: inout [UInt8]) throws(PlatformError) {
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): bytes.append(byte)
    case UInt8(ascii: "b"): bytes.append(0x08)
    case UInt8(ascii: "f"): bytes.append(0x0c)
    case UInt8(ascii: "n"): bytes.append(0x0a)
    case UInt8(ascii: "r"): bytes.append(0x0d)
    case UInt8(ascii: "t"): bytes.append(0x09)
    case UInt8(ascii: "u"):
      position += 1
      let scalar = try escapedScalar()
      bytes.append(contentsOf: Array(String(Character(scalar)).utf8))
      return
    default: throw unexpected("an escape")
    }
    position += 1
  }

  /// The scalar of `\uXXXX`, or of two that form a pair.
  private mutating func escapedScalar() throws(PlatformError) -> UnicodeScalar {
    let first = try fourHexDigits()
    if let scalar = UnicodeScalar(first) { return scalar }
    guard first < 0xdc00, byte == UInt8(ascii: "\\") else { throw error("a lone surrogate") }
    position += 1
    guard byte == UInt8(ascii: "u") else { throw error("a lone surrogate") }
    position += 1
    let second = try fourHexDigits()
    guard (0xdc00...0xdfff).contains(second),
      let scalar = UnicodeScalar(0x10000 + (first - 0xd800) << 10 + (second - 0xdc00))
    else { throw error("a lone surrogate") }
    return scalar
  }

  private mutating func fourHexDigits() throws(PlatformError) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      let digit: UInt8
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
      case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
      default: throw unexpected("a hexadecimal digit")
      }
      value = value << 4 | UInt32(digit)
      position += 1
    }
    return value
  }

  private func decoded(_ slice: Slice<UnsafeRawBufferPointer>, from start: Int)
    throws(PlatformError) -> String
  {
    // Decoding repairs what is not UTF-8, so that only valid bytes come back the same. This is several
    // times as fast as the validating initializer.
    var whole = String(decoding: UnsafeRawBufferPointer(rebasing: slice), as: UTF8.self)
    let isValid = whole.withUTF8 { $0.count == slice.count && $0.elementsEqual(slice) }
    guard isValid else {
      throw .invalidJSON(reason: "a string that is not UTF-8", offset: start)
    }
    return whole
  }
}
