/// The characters that boxes, bars, plots and marks are drawn with, for terminals and fonts of
/// different ability.
package struct GlyphSet: Hashable, Sendable {
  /// The three sets, by the name that options and settings use.
  package enum Kind: String, Hashable, Sendable, Codable, CaseIterable {
    /// Rounded boxes, eighth blocks, braille.
    case unicode
    /// Square boxes and block elements only: for fonts without braille, and the Linux console.
    case block
    /// Nothing above U+007E.
    case ascii
  }

  package let kind: Kind

  package init(_ kind: Kind) { self.kind = kind }

  package static let unicode = GlyphSet(.unicode)
  package static let block = GlyphSet(.block)
  package static let ascii = GlyphSet(.ascii)

  /// Upper and lower half blocks can be used.
  package var hasHalfBlocks: Bool { kind != .ascii }

  private func pick<Value>(_ unicode: Value, _ block: Value, _ ascii: Value) -> Value {
    switch kind {
    case .unicode: unicode
    case .block: block
    case .ascii: ascii
    }
  }

  package var topLeft: Unicode.Scalar { pick("╭", "┌", "+") }
  package var topRight: Unicode.Scalar { pick("╮", "┐", "+") }
  package var bottomLeft: Unicode.Scalar { pick("╰", "└", "+") }
  package var bottomRight: Unicode.Scalar { pick("╯", "┘", "+") }
  package var horizontal: Unicode.Scalar { pick("─", "─", "-") }
  package var vertical: Unicode.Scalar { pick("│", "│", "|") }
  package var teeRight: Unicode.Scalar { pick("┤", "┤", "+") }
  package var teeDown: Unicode.Scalar { pick("┬", "┬", "+") }
  package var cross: Unicode.Scalar { pick("┼", "┼", "+") }

  /// A bar filled from the left by one to eight eighths of a cell.
  package var barEighths: [Unicode.Scalar] {
    pick(
      ["▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"], [" ", " ", " ", "▌", "▌", "▌", "█", "█"],
      [" ", " ", " ", " ", "#", "#", "#", "#"])
  }
  /// A column filled from the bottom by one to eight eighths of a cell.
  package var columnEighths: [Unicode.Scalar] {
    pick(
      ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"], ["▄", "▄", "▄", "▄", "▄", "█", "█", "█"],
      ["_", "_", ".", ".", ":", ":", "|", "#"])
  }
  /// The empty part of a bar.
  package var track: Unicode.Scalar { pick("─", "─", ".") }
  /// Shades from empty to full; the first is a space.
  package var shades: [Unicode.Scalar] {
    pick(
      [" ", "░", "▒", "▓", "█"], [" ", "░", "▒", "▓", "█"],
      [" ", ".", ":", "-", "=", "+", "*", "#", "%", "@"])
  }

  package var pass: Unicode.Scalar { pick("✓", "√", "+") }
  package var warn: Unicode.Scalar { pick("▲", "!", "!") }
  package var fail: Unicode.Scalar { pick("✗", "x", "x") }
  package var bullet: Unicode.Scalar { pick("•", "·", "*") }
  package var record: Unicode.Scalar { pick("●", "■", "*") }
  package var ring: Unicode.Scalar { pick("○", "□", "o") }
  package var pointer: Unicode.Scalar { pick("▸", "»", ">") }
  package var arrow: Unicode.Scalar { pick("→", "→", ">") }
  package var sortUp: Unicode.Scalar { pick("▲", "^", "^") }
  package var sortDown: Unicode.Scalar { pick("▼", "v", "v") }
  package var ellipsis: Unicode.Scalar { pick("…", "…", "~") }
  package var play: Unicode.Scalar { pick("▶", ">", ">") }
  package var pause: Unicode.Scalar { pick("⏸", "\"", "\"") }
  /// Marks that tell the series of a plot or legend apart without colour.
  package var seriesMarks: [Unicode.Scalar] {
    pick(
      ["●", "◆", "■", "▲", "○", "◇"], ["■", "o", "+", "x", "*", "#"],
      ["o", "+", "x", "*", "#", "@"])
  }
  /// The frames of a small wait animation.
  package var spinner: [Unicode.Scalar] {
    pick(["⠋", "⠙", "⠸", "⠴", "⠦", "⠇"], ["|", "/", "-", "\\"], ["|", "/", "-", "\\"])
  }
}
