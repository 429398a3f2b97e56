/// One line that tells what just happened, with a mark of its kind: `✓ saved run 12`.
package struct MessageLine: Widget {
  package enum Kind: String, Hashable, Sendable, Codable {
    case note, good, warning, failure
  }

  package var kind: Kind
  package var text: String

  package init(_ kind: Kind, _ text: String) {
    self.kind = kind
    self.text = text
  }

  /// Its mark and role, also for lists of checks.
  package static func sign(_ kind: Kind, _ look: Look) -> (mark: Unicode.Scalar, role: Role) {
    switch kind {
    case .note: (look.glyphs.bullet, .accent)
    case .good: (look.glyphs.pass, .good)
    case .warning: (look.glyphs.warn, .warn)
    case .failure: (look.glyphs.fail, .bad)
    }
  }

  package func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let (mark, role) = Self.sign(kind, look)
    buffer.line(StyledText("\(mark) ", role) + StyledText(text), in: rect.row(0), look: look)
  }
}

/// What is shown when the screen is too small to work on: the size now, the size needed, and how to
/// leave.
package struct TooSmallNotice: Widget {
  package var needed: Size

  package init(needed: Size) { self.needed = needed }

  package func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    func number(_ now: Int, _ needed: Int) -> StyledText {
      now >= needed ? .good("\(now)") : .bad("\(now)")
    }
    let lines: [StyledText] = [
      StyledText("Too small", .strong),
      "now " + number(rect.width, needed.width) + "×" + number(rect.height, needed.height)
        + ", needs \(needed.width)×\(needed.height)",
      .dim("q quits"),
    ]
    let top = max(0, (rect.height - lines.count) / 2)
    for (index, line) in lines.enumerated() {
      buffer.line(line, in: rect.row(top + index), look: look, .center)
    }
  }
}
