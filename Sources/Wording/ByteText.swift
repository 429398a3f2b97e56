/// Sizes as people type them.
package enum ByteText {
  /// Bytes of `24GB`, `512 MB`, `1.5GiB` or a bare number; nil for anything else.
  package static func parse(_ text: String) -> Double? {
    let digits = text.prefix { $0.isNumber || $0 == "." }
    guard let value = Double(digits), value > 0 else { return nil }
    let unit = text.dropFirst(digits.count).filter { $0 != " " }.lowercased()
    let units: [String: Double] = [
      "": 1, "b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12, "kib": 1024,
      "mib": 1_048_576, "gib": 1_073_741_824,
    ]
    return units[unit].map { value * $0 }
  }
}
