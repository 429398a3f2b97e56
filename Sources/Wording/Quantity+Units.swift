extension Quantity {
  /// A count with three digits and a letter when it is large: `540`, `32.8 k`, `8.03 G`.
  package static func short(_ value: Double) -> String { rate(value, "") }

  /// Bytes in the largest decimal unit that leaves a number of 1 or more: `840 B`, `16.1 GB`.
  package static func bytes(_ count: Double) -> String { rate(count, "B") }

  /// Bytes in the largest decimal unit that leaves a number of 1 or more.
  package static func bytes(_ count: Int) -> String { bytes(Double(count)) }

  /// Operations or bytes a second with a prefix: `0.43 TFLOP/s` from `unit` "FLOP/s".
  package static func rate(_ value: Double, _ unit: String) -> String {
    let prefixes = ["", "k", "M", "G", "T", "P", "E"]
    var scaled = value
    var index = 0
    while scaled.magnitude >= 999.5, scaled.isFinite, index < prefixes.count - 1 {
      scaled /= 1000
      index += 1
    }
    let isWhole = index == 0 && scaled == scaled.rounded()
    let number = isWhole ? fixed(scaled, 0) : significant(scaled, 3)
    let name = prefixes[index] + unit
    return name.isEmpty ? number : number + " " + name
  }

  /// A duration: `4.2 ms`, `0.42 s`, `12 s`, `3 min 05 s`, `2 h 10 min`.
  package static func seconds(_ value: Double) -> String {
    let size = value.magnitude
    guard size < 1e15 else { return significant(value) + " s" }
    if value < 0 {
      let text = seconds(size)
      return text == "0 s" ? text : "-" + text
    }
    if size == 0 { return "0 s" }
    if size < 0.0995 { return significant(size * 1000, 2) + " ms" }
    if size < 9.95 { return significant(size, 2) + " s" }
    if size < 59.5 { return fixed(size, 0) + " s" }
    let whole = Int(size.rounded())
    if whole < 3600 { return "\(whole / 60) min \(two(whole % 60)) s" }
    return "\(whole / 3600) h \(two(whole / 60 % 60)) min"
  }

  /// How long ago something was: `just now`, `5 min ago`, `3 days ago`.
  package static func ago(_ seconds: Double) -> String {
    if seconds < 60 { return "just now" }
    if seconds < 5400 { return "\(fixed(seconds / 60, 0)) min ago" }
    if seconds < 48 * 3600 { return "\(fixed(seconds / 3600, 0)) h ago" }
    return "\(grouped(Int(min(seconds / 86400, 1e6)))) days ago"
  }

  /// A place in a recording: `1:05`.
  package static func clock(milliseconds: Double) -> String {
    let whole = Int(min(max(0, milliseconds / 1000), 1e9))
    return "\(whole / 60):\(two(whole % 60))"
  }

  private static func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
}
