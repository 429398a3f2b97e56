import Wording

/// The short numbers in the cells of a heatmap: one power of a thousand for all, so that they can
/// be compared at a glance.
struct CellNumbers: Hashable, Sendable {
  private let style: NumberStyle
  /// Every number is shown divided by ten to this power.
  let exponent: Int
  private let places: Int
  private let unit: Double

  /// For values up to `largest` in magnitude.
  init(_ style: NumberStyle, largest: Double) {
    self.style = style
    let decimal = Quantity.decimalExponent(largest)
    guard style == .significant, largest.isFinite, largest != 0 else {
      (exponent, places, unit) = (0, 2, 1)
      return
    }
    // 0.1 to 999 stay as they are; other powers go down in steps of three.
    exponent = (-1...2).contains(decimal) ? 0 : Int((Double(decimal) / 3).rounded(.down)) * 3
    places = min(2, max(0, 2 - (decimal - exponent)))
    unit = Double("1e\(exponent)") ?? 1
  }

  func text(_ value: Double) -> String {
    guard style == .significant else { return style.text(value) }
    return Quantity.fixed(value / unit, places)
  }

  /// What the legend says about them; nil when they are the values themselves.
  func remark(_ glyphs: GlyphSet) -> String? {
    guard exponent != 0 else { return nil }
    guard glyphs.kind != .ascii else { return "cells in 1e\(exponent)" }
    let raised: [Character: Character] = [
      "-": "⁻", "0": "⁰", "1": "¹", "2": "²", "3": "³", "4": "⁴", "5": "⁵", "6": "⁶", "7": "⁷",
      "8": "⁸", "9": "⁹",
    ]
    return "cells in 10" + String(String(exponent).compactMap { raised[$0] })
  }
}
