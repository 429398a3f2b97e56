/// Numbers as people read them: `16.1 GB`, `0.0213`, `3.1x`.
///
/// The same words on screens, in reports and in errors. Decimal units (1 GB = 10^9 bytes).
package enum Quantity {
  /// `value` with `digits` behind the point, rounded half away from zero.
  package static func fixed(_ value: Double, _ digits: Int) -> String {
    guard value.isFinite else { return value.isNaN ? "nan" : value < 0 ? "-inf" : "inf" }
    var scale = 1.0
    for _ in 0..<max(0, digits) { scale *= 10 }
    let scaled = (value.magnitude * scale).rounded()
    guard scaled < 9e15 else { return significant(value) }
    let whole = Int64(scaled)
    let unit = Int64(scale)
    let sign = value < 0 && whole > 0 ? "-" : ""
    guard digits > 0 else { return sign + "\(whole)" }
    let fraction = "\(whole % unit)"
    let padding = String(repeating: "0", count: digits - fraction.count)
    return sign + "\(whole / unit).\(padding)\(fraction)"
  }

  /// `value` with `digits` significant digits; very small and very large ones with an exponent.
  package static func significant(_ value: Double, _ digits: Int = 3) -> String {
    guard value.isFinite else { return fixed(value, 0) }
    guard value != 0 else { return "0" }
    var exponent = 0
    var mantissa = value.magnitude
    while mantissa >= 10 {
      mantissa /= 10
      exponent += 1
    }
    while mantissa < 1 {
      mantissa *= 10
      exponent -= 1
    }
    if exponent < -5 || exponent > 6 {
      return (value < 0 ? "-" : "") + fixed(mantissa, digits - 1) + "e\(exponent)"
    }
    return fixed(value, max(0, digits - 1 - exponent))
  }

  /// Bytes in the largest decimal unit that leaves a number of 1 or more.
  package static func bytes(_ count: Double) -> String {
    let units = ["B", "kB", "MB", "GB", "TB"]
    var value = count
    var unit = 0
    while value.magnitude >= 999.5, unit < units.count - 1 {
      value /= 1000
      unit += 1
    }
    let digits = unit == 0 || value.magnitude >= 99.95 ? 0 : value.magnitude >= 9.995 ? 1 : 2
    return fixed(value, digits) + " " + units[unit]
  }

  /// Bytes in the largest decimal unit that leaves a number of 1 or more.
  package static func bytes(_ count: Int) -> String { bytes(Double(count)) }

  /// A share as a percentage with `digits` behind the point.
  package static func percent(_ share: Double, _ digits: Int = 0) -> String {
    fixed(share * 100, digits) + " %"
  }

  /// Operations or bytes a second with a prefix: `0.43 TFLOP/s` from `unit` "FLOP/s".
  package static func rate(_ value: Double, _ unit: String) -> String {
    let prefixes = ["", "k", "M", "G", "T", "P"]
    var value = value
    var index = 0
    while value.magnitude >= 999.5, index < prefixes.count - 1 {
      value /= 1000
      index += 1
    }
    return significant(value) + " " + prefixes[index] + unit
  }

  /// A count with thin groups of three: `1 034 400`.
  package static func grouped(_ count: Int) -> String {
    let digits = "\(count.magnitude)"
    var text = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { text += " " }
      text.append(digit)
    }
    return (count < 0 ? "-" : "") + text
  }

  /// A duration: `0.42 s`, `12 s`, `3 min 05 s`, `1 h 12 min`.
  package static func seconds(_ value: Double) -> String {
    guard value.isFinite, value >= 0 else { return "?" }
    if value < 0.0995 { return significant(value * 1000, 2) + " ms" }
    if value < 9.95 { return significant(value, 2) + " s" }
    if value < 99.5 { return fixed(value, 0) + " s" }
    let whole = Int(min(value.rounded(), 1e9))
    if whole < 3600 {
      let rest = whole % 60
      return "\(whole / 60) min \(rest < 10 ? "0" : "")\(rest) s"
    }
    return "\(whole / 3600) h \(whole % 3600 / 60) min"
  }
}
