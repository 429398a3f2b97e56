/// How a cell looks: two colours and attributes.
package struct Style: Hashable, Sendable {
  package var foreground: Color
  package var background: Color
  package var attributes: Attributes

  package init(
    foreground: Color = .inherited, background: Color = .inherited, attributes: Attributes = []
  ) {
    self.foreground = foreground
    self.background = background
    self.attributes = attributes
  }

  /// The terminal's own colours, nothing else.
  package static let plain = Style(foreground: .terminal, background: .terminal)

  /// This style drawn over `under`: inherited colours are taken from there.
  ///
  /// Reverse video acts like a background, so it shows through wherever the background does.
  package func over(_ under: Style) -> Style {
    var result = self
    if foreground == .inherited { result.foreground = under.foreground }
    if background == .inherited {
      result.background = under.background
      if under.attributes.contains(.reverse) { result.attributes.insert(.reverse) }
    }
    return result
  }

  /// This style with `attributes` added.
  package func adding(_ attributes: Attributes) -> Style {
    var result = self
    result.attributes.formUnion(attributes)
    return result
  }

  /// This style on another background.
  package func on(_ background: Color) -> Style {
    var result = self
    result.background = background
    return result
  }
}

/// Attributes that a terminal may show; none of them is ever the only sign of a state.
package struct Attributes: OptionSet, Hashable, Sendable {
  package let rawValue: UInt8

  package init(rawValue: UInt8) { self.rawValue = rawValue }

  package static let bold = Attributes(rawValue: 1)
  package static let dim = Attributes(rawValue: 2)
  package static let italic = Attributes(rawValue: 4)
  package static let underline = Attributes(rawValue: 8)
  package static let reverse = Attributes(rawValue: 16)

  /// The names that theme files use, in a fixed order.
  package static let named: [(name: String, attribute: Attributes)] = [
    ("bold", .bold), ("dim", .dim), ("italic", .italic), ("underline", .underline),
    ("reverse", .reverse),
  ]
}
