package import TerminalUI

/// One row of the binding table: dispatch, hint bar, help and palette are all made from it.
package struct Binding: Sendable {
  package var keys: [KeyPress]
  /// A word or two for the hint bar and the palette.
  package var name: String
  /// What it does, in a sentence.
  package var help: String
  /// Whether it is one of the keys that matter most, which the hint bar shows.
  package var isHint: Bool
  /// Why it can do nothing now, as a sentence without its full stop; nil when it can.
  package var reason: @Sendable (State) -> String?
  package var action: @Sendable (inout State) -> [Effect]

  /// - Parameters:
  ///   - keys: names of keys, such as `x` or `ctrl+l`; a name that is no key is left out, which a test refuses.
  ///   - reason: why the key can do nothing now; nil when it can.
  package init(
    _ keys: String..., name: String, help: String, isHint: Bool = false,
    unless reason: @escaping @Sendable (State) -> String? = { _ in nil },
    action: @escaping @Sendable (inout State) -> [Effect]
  ) {
    self.keys = keys.compactMap { KeyPress(name: $0) }
    self.name = name
    self.help = help
    self.isHint = isHint
    self.reason = reason
    self.action = action
  }

  /// The binding that closes an overlay.
  static func closing(_ keys: String..., help: String) -> Binding {
    var binding = Binding(name: "close", help: help, isHint: true) { state in
      state.overlay = nil
      return []
    }
    binding.keys = keys.compactMap { KeyPress(name: $0) }
    return binding
  }

  /// Does what the key does, or says why it cannot.
  func perform(_ state: inout State) -> [Effect] {
    if let reason = reason(state) {
      state.say(.information, reason)
      return []
    }
    return action(&state)
  }

  package func isAvailable(_ state: State) -> Bool { reason(state) == nil }

  /// The keys as the hint bar and help write them.
  package var keyText: String { keys.map { Self.short($0) }.joined(separator: " ") }

  static func short(_ press: KeyPress) -> String {
    switch press.key {
    case .up: "↑"
    case .down: "↓"
    case .left: "←"
    case .right: "→"
    case .enter: "Enter"
    case .escape: "Esc"
    case .tab: press.modifiers.contains(.shift) ? "Shift-Tab" : "Tab"
    case .pageUp: "PgUp"
    case .pageDown: "PgDn"
    case .home: "Home"
    case .end: "End"
    case .character(let character) where press.modifiers == .control:
      "Ctrl-\(String(character).uppercased())"
    case .character(" "): "Space"
    case .character(let character) where press.modifiers.isEmpty: String(character)
    default: press.name
    }
  }
}
