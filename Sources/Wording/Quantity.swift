/// Numbers as people read them: `16.1 GB`, `0.0213`, `2 min 05 s`, `5.0 %`.
///
/// The one voice for numbers: screens, reports, commands and errors all speak through it. Halves round away from zero;
/// what rounds to zero has no sign; what is not finite reads `nan`, `inf` or `-inf` and keeps its unit. Units are
/// decimal (1 GB = 10^9 bytes).
package enum Quantity {
  /// `value` with `digits` after the point; from 10^15 on with an exponent.
  package static func fixed(_ value: Double, _ digits: Int) -> String {
    guard value.isFinite else { return notFinite(value) }
    let places = min(max(0, digits), 12)
    let rounded = DecimalDigits(value.magnitude).rounded(places: places)
    guard rounded.exponent < 15 else { return scientific(value, significant: places + 1) }
    return sign(value, rounded) + rounded.text(places: places)
  }

  /// `value` with so many significant digits: `0.0142`, `18.5`, `2100`; with an exponent below 1e-4 and from 1e6 on.
  ///
  /// Digits before the point are all written: `2134`, never `2130`.
  package static func significant(_ value: Double, _ digits: Int = 3) -> String {
    guard value.isFinite else { return notFinite(value) }
    guard value.magnitude > dust else { return "0" }
    let digits = min(max(1, digits), 9)
    let exact = DecimalDigits(value.magnitude)
    guard (-4..<6).contains(exact.exponent) else { return scientific(value, significant: digits) }
    let places = max(0, digits - 1 - exact.exponent)
    let rounded = exact.rounded(places: places)
    // 9.996 rounds to 10.0, not to 10.00.
    let isLonger = rounded.exponent > exact.exponent
    return sign(value, rounded) + rounded.text(places: isLonger ? max(0, places - 1) : places)
  }

  /// `1.4e-5`.
  package static func scientific(_ value: Double, significant digits: Int = 2) -> String {
    guard value.isFinite else { return notFinite(value) }
    guard value.magnitude > dust else { return "0" }
    let digits = min(max(1, digits), 13)
    let exact = DecimalDigits(value.magnitude)
    var mantissa = exact.rounded(places: digits - 1 - exact.exponent)
    let exponent = mantissa.exponent
    mantissa.exponent = 0
    return sign(value, mantissa) + mantissa.text(places: digits - 1) + "e\(exponent)"
  }

  /// At most `digits` after the point and no zeros at the end: `8.5`, `4.125`, `3`.
  package static func atMost(_ digits: Int, _ value: Double) -> String {
    trimmed(fixed(value, digits))
  }

  /// A written number without the zeros at the end that say nothing; its unit stays.
  package static func trimmed(_ text: String) -> String {
    let number = text.prefix { $0 != " " }
    guard number.contains("."), !number.contains("e") else { return text }
    var short = number
    while short.hasSuffix("0") { short.removeLast() }
    if short.hasSuffix(".") { short.removeLast() }
    return String(short) + text[number.endIndex...]
  }

  /// A change with its sign: `+0.25`, `-1.50`, and `0.00` without one.
  package static func signed(_ value: Double, _ digits: Int) -> String {
    plus(fixed(value, digits))
  }

  /// A change relative to what was there: `+3.2 %`.
  package static func signedPercent(_ share: Double, _ digits: Int? = nil) -> String {
    plus(percent(share, digits))
  }

  /// How many times as much: `0.85x`, `12.5x`, `340x`.
  package static func times(_ ratio: Double) -> String {
    let size = ratio.magnitude
    return fixed(ratio, size < 9.995 ? 2 : size < 99.95 ? 1 : 0) + "x"
  }

  /// A share of one as a percentage with `digits` after the point; left out, one digit below ten percent and none from
  /// there on: `0 %`, `0.4 %`, `61 %`.
  package static func percent(_ share: Double, _ digits: Int? = nil) -> String {
    guard share.isFinite else { return notFinite(share) + " %" }
    let size = share.magnitude * 100
    let places = min(max(0, digits ?? (size < 9.95 && size >= 0.05 ? 1 : 0)), 12)
    // The point moves; multiplying would make 28.499999999999996 of 0.285.
    var exact = DecimalDigits(share.magnitude)
    if !exact.isZero { exact.exponent += 2 }
    let rounded = exact.rounded(places: places)
    guard rounded.exponent < 15 else { return significant(share * 100) + " %" }
    return sign(share, rounded) + rounded.text(places: places) + " %"
  }

  /// A share that may be very small as a percentage with so many significant digits: `0.0213 %`.
  package static func percent(_ share: Double, significant digits: Int) -> String {
    significant(share * 100, digits) + " %"
  }

  /// A count with groups of three: `1 034 400`.
  package static func grouped(_ count: Int) -> String {
    let digits = "\(count.magnitude)"
    var text = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { text += " " }
      text.append(digit)
    }
    return (count < 0 ? "-" : "") + text
  }

  /// The power of ten of the first digit; 0 for zero and for what is not finite.
  package static func decimalExponent(_ value: Double) -> Int {
    guard value.isFinite, value != 0 else { return 0 }
    return DecimalDigits(value.magnitude).exponent
  }

  /// What is smaller is left over from a computation that should have given 0.
  private static let dust = 1e-290

  private static func notFinite(_ value: Double) -> String {
    value.isNaN ? "nan" : value < 0 ? "-inf" : "inf"
  }

  private static func sign(_ value: Double, _ rounded: DecimalDigits) -> String {
    value < 0 && !rounded.isZero ? "-" : ""
  }

  private static func plus(_ text: String) -> String {
    let number = text.prefix { $0 != " " }
    let isZero = number.allSatisfy { $0 == "0" || $0 == "." }
    return isZero || text.hasPrefix("-") || text.hasPrefix("nan") ? text : "+" + text
  }
}
