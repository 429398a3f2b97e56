/// How the numbers of a plot, heatmap or column are written.
package enum NumberStyle: Hashable, Sendable {
  /// Three significant digits without zeros at the end: `0.0142`, `18.5`.
  case significant
  /// With a letter for thousands, millions ...: `32.8 k`.
  case short
  /// `16.1 GB`.
  case bytes
  /// A part of one: `61 %`.
  case percent
  /// Without anything behind the point: `4`.
  case whole

  /// The number in this style.
  package func text(_ value: Double) -> String {
    switch self {
    case .significant: return Self.trimmed(NumberText.significant(value, 3))
    case .short: return Self.trimmingUnit(NumberText.short(value))
    case .bytes: return Self.trimmingUnit(NumberText.bytes(fractional: value))
    case .percent: return NumberText.percent(value)
    case .whole: return NumberText.fixed(value, 0)
    }
  }

  /// `5.00 G` as `5 G`.
  private static func trimmingUnit(_ text: String) -> String {
    guard let space = text.firstIndex(of: " ") else { return trimmed(text) }
    return trimmed(String(text[..<space])) + text[space...]
  }

  private static func trimmed(_ text: String) -> String {
    guard text.contains("."), !text.contains("e") else { return text }
    var trimmed = text[...]
    while trimmed.hasSuffix("0") { trimmed.removeLast() }
    if trimmed.hasSuffix(".") { trimmed.removeLast() }
    return String(trimmed)
  }
}
