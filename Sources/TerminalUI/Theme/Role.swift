/// What a piece of the screen is, so that a theme can say how it looks.
///
/// The raw value is its name in theme files.
package enum Role: String, Hashable, Sendable, Codable, CaseIterable {
  /// Ordinary text; its background is the background of everything.
  case text
  /// Less important text, still readable.
  case dim
  /// Text that the eye should meet first.
  case strong
  /// The one colour of the product: the current place, active values.
  case accent
  case good
  case warn
  case bad
  /// Titles in box borders.
  case title
  case border
  /// The border of the box that has the keyboard.
  case focusBorder = "focus-border"
  /// The selected row of a table, list or form.
  case selection
  /// The cursor cell of a heatmap or text field.
  case cursor
  /// Column heads, axis names.
  case header
  /// Keys in hint bars and help.
  case key
  /// What a key does, units, remarks.
  case hint
  /// The top line and the key hint line.
  case bar
  /// The empty part of a gauge, guides and ticks of a plot.
  case track
  /// Background and text of a modal box.
  case modal
  case series1 = "series-1"
  case series2 = "series-2"
  case series3 = "series-3"
  case series4 = "series-4"
  case series5 = "series-5"
  case series6 = "series-6"

  /// The role of a series by number; they repeat after the sixth.
  package static func series(_ index: Int) -> Role {
    let all: [Role] = [.series1, .series2, .series3, .series4, .series5, .series6]
    return all[((index % all.count) + all.count) % all.count]
  }

  /// Attributes that tell the role apart where there is no colour.
  var monochromeAttributes: Attributes {
    switch self {
    case .strong, .accent, .title, .key, .warn, .bad, .focusBorder: .bold
    case .header: .underline
    case .selection, .cursor: .reverse
    case .dim, .hint, .track, .border: .dim
    default: []
    }
  }

  /// The contrast it must have against its background (WCAG 2.1): text 4.5, graphics 3, decoration
  /// any.
  var leastContrast: Double {
    switch self {
    case .border, .track: 1
    case .focusBorder, .series1, .series2, .series3, .series4, .series5, .series6: 3
    default: 4.5
    }
  }
}
