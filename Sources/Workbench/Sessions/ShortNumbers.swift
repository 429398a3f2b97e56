/// Keeps measured numbers to six significant digits; whole numbers stay as they are.
enum ShortNumbers {
  private static let digitsKept = 6

  /// The nearest number with six significant digits, by the digits it is written with.
  ///
  /// Rounding twice changes nothing. What is whole or no number is left alone.
  static func rounded(_ value: Double) -> Double {
    guard let text = shortened("\(value)") else { return value }
    return Double(text) ?? value
  }

  /// The same for a number of single precision.
  static func rounded(_ value: Float) -> Float {
    guard let text = shortened("\(value)") else { return value }
    return Float(text) ?? value
  }

  /// The digits of a number cut to six; nil where there is nothing to cut.
  private static func shortened(_ text: String) -> String? {
    let bytes = Array(text.utf8)
    // `12.0` is whole, `inf` and `nan` are no numbers.
    guard !text.hasSuffix(".0"), bytes.contains(where: isDigit) else { return nil }
    return String(decoding: number(bytes[...]), as: UTF8.self)
  }

  private static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

  /// One number, by its digits alone, so that no binary rounding comes in.
  private static func number(_ text: ArraySlice<UInt8>) -> [UInt8] {
    guard text.contains(where: { !isDigit($0) && $0 != UInt8(ascii: "-") }) else {
      return Array(text)
    }
    var digits: [UInt8] = []
    var point: Int?
    var exponent = 0
    var rest = text
    let isNegative = rest.first == UInt8(ascii: "-")
    if isNegative { rest.removeFirst() }
    while let byte = rest.popFirst() {
      if isDigit(byte) {
        digits.append(byte - 0x30)
      } else if byte == UInt8(ascii: ".") {
        point = digits.count
      } else {
        exponent = Int(String(decoding: rest.drop { $0 == UInt8(ascii: "+") }, as: UTF8.self)) ?? 0
        break
      }
    }
    // The value is 0.d1d2d3... times ten to the power of `scale`.
    var scale = (point ?? digits.count) + exponent
    while digits.first == 0 {
      digits.removeFirst()
      scale -= 1
    }
    if digits.count > digitsKept {
      // The largest numbers are not rounded up, since the next one is no number any more.
      let up = digits[digitsKept] >= 5 && scale < 308
      digits.removeLast(digits.count - digitsKept)
      if up { scale += increment(&digits) }
    }
    while digits.last == 0 { digits.removeLast() }
    guard !digits.isEmpty else { return [0x30] }
    return (isNegative ? [UInt8(ascii: "-")] : []) + written(digits, scale)
  }

  /// Adds one to the last digit; 1 when that made the number a digit longer.
  private static func increment(_ digits: inout [UInt8]) -> Int {
    for index in digits.indices.reversed() {
      if digits[index] < 9 {
        digits[index] += 1
        return 0
      }
      digits[index] = 0
    }
    digits.insert(1, at: 0)
    digits.removeLast()
    return 1
  }

  private static func written(_ digits: [UInt8], _ scale: Int) -> [UInt8] {
    let ascii = digits.map { $0 + 0x30 }
    if scale > 0, scale <= 15 {
      guard scale < ascii.count else {
        return ascii + Array(repeating: 0x30, count: scale - ascii.count)
      }
      return Array(ascii[..<scale]) + [UInt8(ascii: ".")] + Array(ascii[scale...])
    }
    if scale <= 0, scale > -6 {
      return [0x30, UInt8(ascii: ".")] + Array(repeating: 0x30, count: -scale) + ascii
    }
    let tail = ascii.count > 1 ? [UInt8(ascii: ".")] + Array(ascii[1...]) : []
    return [ascii[0]] + tail + Array("e\(scale - 1)".utf8)
  }
}
