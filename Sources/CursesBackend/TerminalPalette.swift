import CNcurses
import TerminalUI

/// The way from styles to ncurses' colour pairs; each colour is looked up once.
struct TerminalPalette {
  private let depth: ColorDepth
  private var pairs: [Colors: Int32] = [:]

  private struct Colors: Hashable {
    var foreground: Color
    var background: Color
  }

  init(depth: ColorDepth) { self.depth = depth }

  /// The pair for a style; 0, the terminal's own colours, in mono.
  mutating func pair(_ style: Style) -> Int32 {
    guard depth != .mono else { return 0 }
    let colors = Colors(foreground: style.foreground, background: style.background)
    if depth != .ansi8, let known = pairs[colors] { return known }
    let (foreground, background) = numbers(colors)
    // ncurses itself gives the same pair for the same colours; below 256 pairs it may reuse old
    // ones, so we do not remember.
    let pair = nc_pair(foreground, background)
    if pairs.count >= 20_000 { pairs.removeAll() }
    pairs[colors] = pair
    return pair
  }

  private func numbers(_ colors: Colors) -> (Int32, Int32) {
    if depth == .trueColor { return (direct(colors.foreground), direct(colors.background)) }
    let indices = ColorReducer.indices(
      foreground: colors.foreground, background: colors.background, depth: depth)
    return (indices.foreground.map(Int32.init) ?? -1, indices.background.map(Int32.init) ?? -1)
  }

  /// The 24-bit number of a colour; 0 to 7 would mean the eight ANSI colours.
  private func direct(_ color: Color) -> Int32 {
    guard let rgb = color.rgb else { return -1 }
    return max(8, Int32(rgb.red) << 16 | Int32(rgb.green) << 8 | Int32(rgb.blue))
  }
}
