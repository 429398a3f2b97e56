import Wording

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
  /// Without anything after the point: `4`.
  case whole

  /// The number in this style.
  package func text(_ value: Double) -> String {
    switch self {
    case .significant: Quantity.trimmed(Quantity.significant(value, 3))
    case .short: Quantity.trimmed(Quantity.short(value))
    case .bytes: Quantity.trimmed(Quantity.bytes(value))
    case .percent: Quantity.percent(value)
    case .whole: Quantity.fixed(value, 0)
    }
  }
}
