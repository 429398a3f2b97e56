import Wording

/// How the program looks: a style for each role, and the ramp of heatmaps.
package struct Theme: Hashable, Sendable {
  package let name: String
  private let styles: [Role: Style]
  /// Colours of the heat ramp from low to high, at least two.
  package let heat: [Color]

  /// The style of a role, both colours given.
  ///
  /// Everything but `text` may leave the background to what is under it.
  package func style(_ role: Role) -> Style {
    styles[role] ?? Style()
  }

  /// The background of everything.
  package var background: Color { style(.text).background }

  /// Makes a theme from the keys and values of a theme file.
  ///
  /// A value is a foreground, then maybe `on` and a background, then attributes, each optional:
  /// `#7aa2f7`, `#ffffff on #2a3350 bold`, `bold underline`, `terminal`. Roles that are not given
  /// come from `base`.
  ///
  /// - Throws: `ThemeError` naming the theme and the entry.
  package init(
    name: String, inheriting base: Theme? = .default, roles: [String: String],
    heat stops: [String]? = nil
  ) throws {
    var styles = base?.styles ?? [:]
    for (key, value) in roles.sorted(by: { $0.key < $1.key }) {
      guard let role = Role(rawValue: key) else {
        throw ThemeError.unknownRole(
          theme: name, role: key, nearest: NearestName.of(key, among: Role.allCases.map(\.rawValue))
        )
      }
      styles[role] = try Self.style(value, theme: name, role: role)
    }
    self.name = name
    self.styles = styles
    if let stops {
      heat = try stops.map { stop in
        guard let color = Color(hex: stop) else {
          throw ThemeError.badHeatStop(theme: name, value: stop)
        }
        return color
      }
    } else {
      heat = base?.heat ?? []
    }
    guard heat.count >= 2 else { throw ThemeError.tooFewHeatStops(theme: name, count: heat.count) }
    try checkContrast()
  }

  /// The built-in theme needs no parsing and no file, so the program always starts.
  init(name: String, styles: [Role: Style], heat: [Color]) {
    self.name = name
    self.styles = styles
    self.heat = heat
  }

  /// Reads one value of a theme file.
  private static func style(_ value: String, theme: String, role: Role) throws -> Style {
    var style = Style()
    var words = value.split(separator: " ")[...]
    func color(_ word: Substring) -> Color? {
      word == "terminal" ? .terminal : Color(hex: word)
    }
    if let word = words.first, let found = color(word) {
      style.foreground = found
      words.removeFirst()
    }
    if words.first == "on" {
      guard let word = words.dropFirst().first, let found = color(word) else {
        throw ThemeError.badValue(theme: theme, role: role.rawValue, value: value)
      }
      style.background = found
      words.removeFirst(2)
    }
    for word in words {
      guard let found = Attributes.named.first(where: { $0.name == word }) else {
        throw ThemeError.badValue(theme: theme, role: role.rawValue, value: value)
      }
      style.attributes.insert(found.attribute)
    }
    return style
  }

  /// The contrast of each role on its own background, where both are known colours.
  package func contrasts() -> [(role: Role, ratio: Double)] {
    Role.allCases.compactMap { role in
      contrast(of: style(role).over(style(.text))).map { (role, $0) }
    }
  }

  /// The contrast of each role of running text on the background of a bar, modal box or selection.
  package func contrasts(on ground: Role) -> [(role: Role, ratio: Double)] {
    let running: [Role] = [.dim, .strong, .accent, .good, .warn, .bad, .key, .hint]
    return running.compactMap { role in
      contrast(of: style(role).over(style(ground).over(style(.text)))).map { (role, $0) }
    }
  }

  private func contrast(of style: Style) -> Double? {
    let isReversed = style.attributes.contains(.reverse)
    return Contrast.ratio(
      isReversed ? style.background : style.foreground,
      isReversed ? style.foreground : style.background)
  }

  private func checkContrast() throws {
    for (role, ratio) in contrasts() where ratio < role.leastContrast {
      throw ThemeError.lowContrast(
        theme: name, role: role.rawValue, ratio: ratio, needed: role.leastContrast)
    }
    for ground in [Role.bar, .modal, .selection] {
      for (role, ratio) in contrasts(on: ground) where ratio < 3 {
        throw ThemeError.lowContrast(
          theme: name, role: "\(role.rawValue) on \(ground.rawValue)", ratio: ratio, needed: 3)
      }
    }
  }
}

/// What is wrong with a theme.
package enum ThemeError: Error, Hashable, Sendable {
  case unknownRole(theme: String, role: String, nearest: String?)
  case badValue(theme: String, role: String, value: String)
  case badHeatStop(theme: String, value: String)
  case tooFewHeatStops(theme: String, count: Int)
  case lowContrast(theme: String, role: String, ratio: Double, needed: Double)
}

extension ThemeError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .unknownRole(let theme, let role, let nearest):
      "theme \(theme): there is no role \"\(role)\""
        + (nearest.map { "; did you mean \"\($0)\"?" } ?? "")
    case .badValue(let theme, let role, let value):
      "theme \(theme): \(role) = \"\(value)\"; expected a colour such as #7aa2f7, "
        + "\"#ffffff on #202030 bold\", or attributes (bold, dim, italic, underline, reverse)"
    case .badHeatStop(let theme, let value):
      "theme \(theme): heat stop \"\(value)\"; expected a colour such as #7aa2f7"
    case .tooFewHeatStops(let theme, let count):
      "theme \(theme): \(count) heat stops; expected at least 2"
    case .lowContrast(let theme, let role, let ratio, let needed):
      "theme \(theme): \(role) has a contrast of \(Quantity.fixed(ratio, 1)) against its "
        + "background; expected at least \(Quantity.fixed(needed, 1))"
    }
  }
}
