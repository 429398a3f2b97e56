/// Numbers as people read them on a screen: few digits, fixed places, units.
package enum NumberText {
  /// `value` with `places` digits after the point; beyond a quadrillion in scientific form.
  package static func fixed(_ value: Double, _ places: Int) -> String {
    guard value.isFinite else { return notFinite(value) }
    let places = min(max(0, places), 12)
    let power = powerOfTen(places)
    guard abs(value) < 1e15 / power else { return scientific(value, significant: places + 1) }
    let scaled = (abs(value) * power).rounded(.toNearestOrEven)
    let digits = String(Int64(scaled))
    let padded = String(repeating: "0", count: max(0, places + 1 - digits.count)) + digits
    let sign = value < 0 && scaled > 0 ? "-" : ""
    guard places > 0 else { return sign + padded }
    return sign + padded.dropLast(places) + "." + padded.suffix(places)
  }

  /// `value` with so many significant digits: `0.0142`, `18.5`, `2100`; scientific below 1e-4 and
  /// from 1e6.
  package static func significant(_ value: Double, _ digits: Int = 3) -> String {
    guard value.isFinite else { return notFinite(value) }
    // What is that small is the dust of a computation.
    guard abs(value) > 1e-290 else { return "0" }
    let digits = min(max(1, digits), 9)
    let exponent = decimalExponent(value)
    if exponent < -4 || exponent >= 6 { return scientific(value, significant: digits) }
    let text = fixed(value, max(0, digits - 1 - exponent))
    // 9.996 rounds to 10.00 with one digit too many.
    guard exponent + 1 < digits, decimalExponent(Double(text) ?? value) > exponent else {
      return text
    }
    return fixed(value, max(0, digits - 2 - exponent))
  }

  /// `1.4e-5`.
  package static func scientific(_ value: Double, significant digits: Int = 2) -> String {
    guard value.isFinite else { return notFinite(value) }
    guard abs(value) > 1e-290 else { return "0" }
    var exponent = decimalExponent(value)
    var mantissa = value / powerOfTen(exponent)
    let places = min(max(0, digits - 1), 8)
    if abs(mantissa) + 0.5 / powerOfTen(places) >= 10 {
      mantissa /= 10
      exponent += 1
    }
    return "\(fixed(mantissa, places))e\(exponent)"
  }

  /// Decimal units with three digits: `16.1 GB`, `840 B`.
  package static func bytes(_ count: Int) -> String { bytes(fractional: Double(count)) }

  /// Decimal units for a figure that was computed, such as bytes per token.
  package static func bytes(fractional count: Double) -> String { scaled(count) + "B" }

  /// A count with three digits and a unit letter when large: `540`, `32.8 k`, `8.03 G`.
  package static func short(_ value: Double) -> String {
    String(scaled(value).trimmingTrailingSpace)
  }

  /// Groups of three digits: `32 768`.
  package static func grouped(_ count: Int) -> String {
    let digits = String(count.magnitude)
    var result = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { result.append(" ") }
      result.append(digit)
    }
    return (count < 0 ? "-" : "") + result
  }

  /// A part of one as percent: `61 %`; one place below ten percent.
  package static func percent(_ part: Double) -> String {
    let value = part * 100
    return fixed(value, abs(value) < 9.95 && abs(value) >= 0.05 ? 1 : 0) + " %"
  }

  /// Seconds as people say them: `0.42 s`, `12 s`, `3 m 05 s`, `2 h 10 m`.
  package static func duration(seconds: Double) -> String {
    guard seconds.isFinite, abs(seconds) < 1e9 else { return notFinite(seconds) }
    if abs(seconds) < 0.0995 {
      return fixed(seconds * 1000, abs(seconds) < 0.00995 ? 1 : 0) + " ms"
    }
    if abs(seconds) < 9.95 { return fixed(seconds, abs(seconds) < 0.995 ? 2 : 1) + " s" }
    let whole = Int(seconds.rounded())
    func two(_ value: Int) -> String { (value < 10 ? "0" : "") + String(value) }
    if abs(whole) < 60 { return "\(whole) s" }
    if abs(whole) < 3600 { return "\(whole / 60) m \(two(abs(whole % 60))) s" }
    return "\(whole / 3600) h \(two(abs(whole / 60 % 60))) m"
  }

  private static func scaled(_ value: Double) -> String {
    guard value.isFinite else { return notFinite(value) + " " }
    let units = ["", "k", "M", "G", "T", "P", "E"]
    var scaled = value
    var unit = 0
    while abs(scaled) >= 999.5, unit < units.count - 1 {
      scaled /= 1000
      unit += 1
    }
    let isWhole = unit == 0 && scaled == scaled.rounded()
    return (isWhole ? fixed(scaled, 0) : significant(scaled, 3)) + " " + units[unit]
  }

  private static func notFinite(_ value: Double) -> String {
    value.isNaN ? "–" : value < 0 ? "-∞" : "∞"
  }

  /// The exponent of the first digit.
  static func decimalExponent(_ value: Double) -> Int {
    var rest = abs(value)
    guard rest.isFinite, rest > 0 else { return 0 }
    var exponent = 0
    while rest >= 1e16 { (rest, exponent) = (rest / 1e16, exponent + 16) }
    while rest >= 10 { (rest, exponent) = (rest / 10, exponent + 1) }
    while rest < 1e-15 { (rest, exponent) = (rest * 1e16, exponent - 16) }
    while rest < 1 { (rest, exponent) = (rest * 10, exponent - 1) }
    return exponent
  }

  static func powerOfTen(_ exponent: Int) -> Double {
    var result = 1.0
    for _ in 0..<min(exponent.magnitude, 400) { result *= 10 }
    return exponent < 0 ? 1 / result : result
  }
}

extension String {
  fileprivate var trimmingTrailingSpace: Substring { hasSuffix(" ") ? dropLast() : self[...] }
}
