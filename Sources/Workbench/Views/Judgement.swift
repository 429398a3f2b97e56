import Engine
import TerminalUI
import Wording

extension StyledText {
  /// `3.1 × ✓`: the factor, and whether it is for the better.
  static func change(
    _ before: Double, _ after: Double, higherIsBetter: Bool, look: Look
  ) -> StyledText {
    guard before > 0, after > 0, before.isFinite, after.isFinite else { return .hint("–") }
    let factor = after / before
    let text = "\(Quantity.significant(factor, 2)) ×"
    if abs(factor - 1) < 0.03 { return .dim("\(text)  ") }
    return (factor > 1) == higherIsBetter
      ? .good("\(text) \(look.glyphs.pass)") : .bad("\(text) \(look.glyphs.fail)")
  }
}

extension Verdict.Mark {
  /// The mark of a check with its colour and its word.
  func sign(_ look: Look) -> (Unicode.Scalar, Role, String) {
    switch self {
    case .pass: (look.glyphs.pass, .good, "PASS")
    case .warn: (look.glyphs.warn, .warn, "WARN")
    case .fail: (look.glyphs.fail, .bad, "FAIL")
    case .unknown: (look.glyphs.ring, .dim, "unknown")
    }
  }
}
