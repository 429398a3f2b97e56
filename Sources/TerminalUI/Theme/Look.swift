/// All that drawing needs to know about its surroundings: theme, colours and glyphs.
///
/// Widgets get it with every call.
package struct Look: Hashable, Sendable {
  package var theme: Theme
  package var depth: ColorDepth
  package var glyphs: GlyphSet

  package init(
    theme: Theme = .default, depth: ColorDepth = .trueColor, glyphs: GlyphSet = .unicode
  ) {
    self.theme = theme
    self.depth = depth
    self.glyphs = glyphs
  }

  /// Text on the background of everything: what an empty place looks like.
  package var ground: Style {
    depth == .mono ? .plain : theme.style(.text).over(.plain)
  }

  /// The style of a role on this terminal; only bars, boxes and selections bring a background of
  /// their own.
  ///
  /// Without colours, attributes stand in; with 16 or fewer, a selection whose background would
  /// vanish is reversed.
  package func style(_ role: Role) -> Style {
    var style = theme.style(role)
    if role == .text { style.background = .inherited }
    switch depth {
    case .mono:
      let isPicked = role == .selection || role == .cursor
      return Style(
        attributes: isPicked ? .reverse : style.attributes.union(role.monochromeAttributes))
    case .ansi8, .ansi16:
      let reduced = ColorReducer.index(of: style.background, depth: depth)
      guard role == .selection || role == .cursor,
        reduced == ColorReducer.index(of: theme.background, depth: depth)
      else { return style }
      return Style(attributes: style.attributes.union(.reverse))
    case .ansi256, .trueColor: return style
    }
  }

  /// The style of a role for bars, dots and lines, which no attribute of text may cross.
  package func ink(_ role: Role) -> Style {
    var style = style(role)
    style.attributes.subtract([.underline, .italic])
    return style
  }

  /// The style of a span of text.
  package func style(_ span: Span) -> Style { style(span.role).adding(span.attributes) }

  /// An empty buffer in the theme's background.
  package func buffer(_ size: Size) -> CellBuffer {
    CellBuffer(size: size, style: ground)
  }

  /// The ramp of heatmaps in this look.
  package var heat: HeatRamp { HeatRamp(stops: theme.heat) }
}
