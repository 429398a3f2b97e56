/// Something the user or the terminal did.
///
/// Session logs store it, so every value is labelled.
///
/// As JSON: `{"key":{"press":"ctrl+s"}}`, `{"resize":{"size":{"width":80,"height":24}}}`,
/// `{"paste":{"text":"…"}}`,
/// `{"mouse":{"event":{"action":"press","button":"left","x":3,"y":7,"modifiers":[]}}}`.
package enum InputEvent: Hashable, Sendable, Codable {
  case key(press: KeyPress)
  case mouse(event: MouseEvent)
  case resize(size: Size)
  case paste(text: String)
}

/// A mouse button or the wheel, at a cell.
package struct MouseEvent: Hashable, Sendable, Codable {
  package enum Action: String, Hashable, Sendable, Codable {
    case press, release, wheelUp, wheelDown
    /// To another cell, with the left button held and without.
    case drag, move
  }

  package enum Button: String, Hashable, Sendable, Codable {
    case none, left, middle, right
  }

  package var action: Action
  package var button: Button
  package var x: Int
  package var y: Int
  package var modifiers: KeyPress.Modifiers
  /// Whether the terminal shows no two colours in a cell, which maps are laid out by; nil where it does.
  package var isCoarse: Bool?

  package init(
    _ action: Action, button: Button = .none, x: Int, y: Int, modifiers: KeyPress.Modifiers = []
  ) {
    self.action = action
    self.button = button
    self.x = x
    self.y = y
    self.modifiers = modifiers
  }
}
