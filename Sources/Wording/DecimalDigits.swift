/// A number's shortest decimal digits, so that rounding is done on what people see: 2.675 to two places is 2.68, though
/// the double nearest to it lies a little below.
struct DecimalDigits: Hashable {
  /// 0 to 9, neither the first nor the last of them 0; none for zero.
  private var digits: [UInt8]
  /// The power of ten of the first digit.
  var exponent: Int

  /// - Parameter magnitude: finite, not negative.
  init(_ magnitude: Double) {
    digits = []
    exponent = 0
    var beforePoint: Int?
    let text = magnitude.description.utf8
    var rest = text[...]
    while let byte = rest.popFirst() {
      switch byte {
      case 0x30...0x39: digits.append(byte - 0x30)
      case UInt8(ascii: "."): beforePoint = digits.count
      default:
        exponent = Int(Substring(rest)) ?? 0
        rest = rest.suffix(0)
      }
    }
    exponent += (beforePoint ?? digits.count) - 1
    let zeros = digits.prefix { $0 == 0 }.count
    digits.removeFirst(zeros)
    exponent -= zeros
    normalize()
  }

  var isZero: Bool { digits.isEmpty }

  /// Rounded to `places` after the point, halves away from zero.
  func rounded(places: Int) -> DecimalDigits {
    let kept = exponent + 1 + places
    guard kept < digits.count else { return self }
    var result = self
    guard kept >= 0 else {
      result.digits = []
      result.normalize()
      return result
    }
    let isUp = digits[kept] >= 5
    result.digits = Array(digits[..<kept])
    if isUp { result.increment() }
    result.normalize()
    return result
  }

  /// Without sign or exponent, with `places` after the point; digits beyond them are dropped.
  func text(places: Int) -> String {
    var text = ""
    for power in stride(from: max(0, exponent), through: -places, by: -1) {
      if power == -1 { text += "." }
      let index = exponent - power
      text += digits.indices.contains(index) ? "\(digits[index])" : "0"
    }
    return text
  }

  /// Adds one at the last digit.
  private mutating func increment() {
    while digits.last == 9 { digits.removeLast() }
    if let last = digits.indices.last {
      digits[last] += 1
    } else {
      digits = [1]
      exponent += 1
    }
  }

  private mutating func normalize() {
    while digits.last == 0 { digits.removeLast() }
    if digits.isEmpty { exponent = 0 }
  }
}
