/// A 24-bit colour, the terminal's own colour, or whatever is already there.
///
/// Screens and themes only know 24-bit colours; `ColorReducer` finds the nearest one that a
/// terminal has.
package struct Color: Hashable, Sendable {
  private let value: UInt32

  private init(value: UInt32) { self.value = value }

  package init(red: UInt8, green: UInt8, blue: UInt8) {
    value = UInt32(red) << 16 | UInt32(green) << 8 | UInt32(blue)
  }

  /// Reads `#RRGGBB`; nil when it is anything else.
  package init?(hex: some StringProtocol) {
    let digits = Array(hex.utf8)
    guard digits.count == 7, digits[0] == UInt8(ascii: "#") else { return nil }
    var value: UInt32 = 0
    for digit in digits.dropFirst() {
      guard let number = Character(Unicode.Scalar(digit)).hexDigitValue else { return nil }
      value = value << 4 | UInt32(number)
    }
    self.value = value
  }

  /// The colour that the terminal uses when none is asked for.
  package static let terminal = Color(value: 0xFFFF_FFFE)
  /// The colour already in the cell that is drawn over.
  package static let inherited = Color(value: 0xFFFF_FFFF)

  /// The channels, or nil for `terminal` and `inherited`.
  package var rgb: (red: UInt8, green: UInt8, blue: UInt8)? {
    guard value <= 0xFF_FFFF else { return nil }
    return (
      UInt8(truncatingIfNeeded: value >> 16), UInt8(truncatingIfNeeded: value >> 8),
      UInt8(truncatingIfNeeded: value)
    )
  }
}

extension Color: CustomStringConvertible {
  /// `#RRGGBB`, `terminal` or `inherited`.
  package var description: String {
    guard rgb != nil else { return self == .terminal ? "terminal" : "inherited" }
    let digits = String(value, radix: 16)
    return "#" + String(repeating: "0", count: max(0, 6 - digits.count)) + digits
  }
}

/// How many colours a terminal shows.
///
/// Codable as its name, since a session header stores it.
package enum ColorDepth: String, Hashable, Sendable, Codable, CaseIterable, Comparable {
  /// No colour at all: marks, shades, digits and attributes carry everything.
  case mono
  case ansi8
  case ansi16
  case ansi256
  case trueColor

  package static func < (left: ColorDepth, right: ColorDepth) -> Bool { left.rank < right.rank }

  private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}
