/// Text made safe to draw: what hides, moves the cursor or reorders a line is shown instead of
/// obeyed.
///
/// Every string on the screen passes here, whoever wrote it: a model, a file name, an error
/// message. Nothing is dropped silently; a hidden character appears as `^[` or `<202E>`. Conjoining
/// Jamo are composed, since terminals disagree on their width. See CWE-150 and Trojan Source
/// (CVE-2021-42574).
package enum DisplayText {
  /// One visible character: its scalar, at most one combining mark, and its columns (1 or 2).
  package struct Glyph: Hashable, Sendable {
    package var scalar: Unicode.Scalar
    package var mark: Unicode.Scalar
    package var width: Int

    package init(scalar: Unicode.Scalar, mark: Unicode.Scalar, width: Int) {
      self.scalar = scalar
      self.mark = mark
      self.width = width
    }
  }

  /// Calls `body` with each glyph of `text` until it returns false.
  package static func forEachGlyph(in text: String, _ body: (Glyph) -> Bool) {
    var pending: Glyph?
    var dropped = 0

    func flush() -> Bool {
      guard let glyph = pending else { return true }
      pending = nil
      let extra = dropped
      dropped = 0
      guard body(glyph) else { return false }
      return extra == 0 || spell("<+\(extra)>", body)
    }

    for scalar in text.unicodeScalars {
      if scalar.value >= 0x20, scalar.value < 0x7F {
        guard flush() else { return }
        pending = Glyph(scalar: scalar, mark: "\0", width: 1)
        continue
      }
      if let composed = pending.flatMap({ compose($0, scalar) }) {
        pending?.scalar = composed
        continue
      }
      if scalar.value == 0xFE0F, let base = pending, base.scalar.value >= 0x203C { continue }
      if let escape = escape(for: scalar) {
        guard flush(), spell(escape, body) else { return }
        continue
      }
      if ScalarWidth.isCombining(scalar) {
        if pending == nil {
          guard spell(hexadecimal(scalar), body) else { return }
        } else if pending?.mark == "\0" {
          pending?.mark = scalar
        } else {
          dropped += 1
        }
        continue
      }
      guard flush() else { return }
      pending = drawn(scalar)
    }
    _ = flush()
  }

  /// The text as it is drawn, for plain output outside of a `CellBuffer`.
  package static func plain(_ text: String) -> String {
    var result = String.UnicodeScalarView()
    forEachGlyph(in: text) { glyph in
      result.append(glyph.scalar)
      if glyph.mark != "\0" { result.append(glyph.mark) }
      return true
    }
    return String(result)
  }

  /// Bytes that should be UTF-8; what is not shows as `<FF>`.
  package static func decoding(_ bytes: [UInt8]) -> String {
    var result = String.UnicodeScalarView()
    var decoder = UTF8()
    var index = bytes.startIndex
    while index < bytes.endIndex {
      // A fresh decoder for each scalar, so that one bad byte costs one byte and no more.
      decoder = UTF8()
      var rest = bytes[index...].makeIterator()
      if case .scalarValue(let scalar) = decoder.decode(&rest) {
        result.append(scalar)
        index += UTF8.width(scalar)
      } else {
        result.append(contentsOf: "<\(digits(UInt32(bytes[index]), 2))>".unicodeScalars)
        index += 1
      }
    }
    return String(result)
  }

  /// A token's text with its spaces visible: `·` for a space, `→` tab, `↵` line end, `<A0>` for
  /// other spaces.
  package static func revealingSpaces(_ text: String) -> String {
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      switch scalar {
      case " ": result.append("·")
      case "\t": result.append("→")
      case "\n": result.append("↵")
      default:
        if scalar.value > 0x7F, scalar.properties.generalCategory == .spaceSeparator {
          result.append(contentsOf: hexadecimal(scalar).unicodeScalars)
        } else {
          result.append(scalar)
        }
      }
    }
    return String(result)
  }

  /// What is shown in the place of `scalar`, or nil when it may be drawn.
  package static func escape(for scalar: Unicode.Scalar) -> String? {
    let value = scalar.value
    if value < 0x20 { return "^" + String(Unicode.Scalar(UInt8(value) + 0x40)) }
    if value == 0x7F { return "^?" }
    if value < 0x7F { return nil }
    if hidden.contains(where: { $0.contains(value) }) { return hexadecimal(scalar) }
    if value & 0xFFFE == 0xFFFE { return hexadecimal(scalar) }
    switch scalar.properties.generalCategory {
    case .control, .format, .privateUse, .surrogate, .unassigned, .lineSeparator,
      .paragraphSeparator:
      return hexadecimal(scalar)
    default: return nil
    }
  }

  /// Invisible scalars that their category alone does not give away: fillers, selectors, joiners,
  /// tags.
  private static let hidden: [ClosedRange<UInt32>] = [
    0x034F...0x034F, 0x115F...0x1160, 0x17B4...0x17B5, 0x180B...0x180F, 0x2060...0x206F,
    0x3164...0x3164, 0xFDD0...0xFDEF, 0xFE00...0xFE0F, 0xFFA0...0xFFA0, 0xFFF9...0xFFFB,
    0x1BCA0...0x1BCA3, 0x1D173...0x1D17A, 0xE0000...0xE01EF,
  ]

  private static func drawn(_ scalar: Unicode.Scalar) -> Glyph {
    let width = max(1, ScalarWidth.of(scalar))
    if scalar.value > 0x7F, width == 1, scalar.properties.generalCategory == .spaceSeparator {
      return Glyph(scalar: " ", mark: "\0", width: 1)
    }
    return Glyph(scalar: scalar, mark: "\0", width: width)
  }

  private static func spell(_ text: String, _ body: (Glyph) -> Bool) -> Bool {
    for scalar in text.unicodeScalars {
      guard body(Glyph(scalar: scalar, mark: "\0", width: 1)) else { return false }
    }
    return true
  }

  private static func hexadecimal(_ scalar: Unicode.Scalar) -> String {
    "<\(digits(scalar.value, 2))>"
  }

  private static func digits(_ value: UInt32, _ least: Int) -> String {
    let digits = String(value, radix: 16, uppercase: true)
    return String(repeating: "0", count: max(0, least - digits.count)) + digits
  }

  /// The Hangul syllable of a leading consonant and a vowel, or of an open syllable and a final
  /// (Unicode 3.12).
  private static func compose(_ glyph: Glyph, _ scalar: Unicode.Scalar) -> Unicode.Scalar? {
    guard glyph.mark == "\0" else { return nil }
    let base = glyph.scalar.value
    let value = scalar.value
    if (0x1100...0x1112).contains(base), (0x1161...0x1175).contains(value) {
      return Unicode.Scalar(0xAC00 + ((base - 0x1100) * 21 + (value - 0x1161)) * 28)
    }
    if (0xAC00...0xD7A3).contains(base), (base - 0xAC00) % 28 == 0,
      (0x11A8...0x11C2).contains(value)
    {
      return Unicode.Scalar(base + value - 0x11A7)
    }
    return nil
  }
}
