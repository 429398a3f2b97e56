package import TerminalUI

/// What the user asks of the terminal on the command line or in the settings; nil leaves it to the
/// surroundings.
package struct TerminalOptions: Hashable, Sendable {
  /// `--color`; stands above everything else.
  package var color: ColorDepth?
  /// The depth of the settings file.
  package var configuredColor: ColorDepth?
  /// `--ascii` or the glyph setting.
  package var glyphs: GlyphSet.Kind?
  /// False with `--no-mouse`, which leaves selecting text to the terminal.
  package var usesMouse: Bool

  package init(
    color: ColorDepth? = nil, configuredColor: ColorDepth? = nil, glyphs: GlyphSet.Kind? = nil,
    usesMouse: Bool = true
  ) {
    self.color = color
    self.configuredColor = configuredColor
    self.glyphs = glyphs
    self.usesMouse = usesMouse
  }
}

/// How many colours are used: option, then settings, then NO_COLOR, then COLORTERM, then the
/// terminfo entry.
package struct ColorDecision {
  private let options: TerminalOptions
  private let environment: TerminalEnvironment

  package init(options: TerminalOptions, environment: TerminalEnvironment) {
    self.options = options
    self.environment = environment
  }

  private var asked: ColorDepth? {
    if let color = options.color ?? options.configuredColor { return color }
    // https://no-color.org: any value but an empty one.
    if let value = environment.noColor, !value.isEmpty { return .mono }
    return nil
  }

  /// Whether 24-bit colours are asked for or promised.
  package var wantsTrueColor: Bool {
    if let asked { return asked == .trueColor }
    return ["truecolor", "24bit"].contains(environment.colorTerm ?? "")
  }

  /// The depth on a terminal whose entry has so many colours; 24 bits only when its entry could be
  /// made.
  package func depth(terminfoColors colors: Int, hasTrueColor: Bool) -> ColorDepth {
    let offered: ColorDepth =
      switch colors {
      case ..<8: .mono
      case ..<16: .ansi8
      case ..<256: .ansi16
      default: .ansi256
      }
    if wantsTrueColor { return hasTrueColor ? .trueColor : offered }
    // What is asked for beyond the entry's colours cannot be sent.
    return asked.map { min($0, offered) } ?? offered
  }
}
