import TerminalUI

/// Where keys, pasted text and clicks go: to what lies over the screen, or to the screen and the keys that work everywhere.
package enum Dispatch {
  /// All scopes: the global one, then one a screen, then those of overlays.
  package static var scopes: [Keymap.Scope] {
    [Keymap.Scope(title: "Everywhere", bindings: Keymap.global)]
      + Screens.all.map { Keymap.Scope(title: $0.title, bindings: $0.bindings) }
      + Overlay.scopes
  }

  /// The bindings that a press can meet now: the overlay's, or the screen's and the global ones.
  package static func active(_ state: State) -> [Binding] {
    if let overlay = state.overlay { return overlay.bindings }
    return LessonKeys.bindings(state) + Screens.current(state).bindings + Keymap.global
  }

  static func handle(_ event: InputEvent, _ state: inout State) -> [Effect] {
    switch event {
    case .key(let press): return self.press(press, &state)
    case .resize(let size):
      state.size = size
      return []
    case .paste(let text):
      guard state.overlay != nil else { return [] }
      return Overlay.type(text, &state)
    case .mouse(let event): return Pointer.handle(event, &state)
    }
  }

  /// Does what a key does now; a key that can do nothing says why.
  static func press(_ press: KeyPress, _ state: inout State) -> [Effect] {
    if press == .control("c"), let overlay = state.overlay { return interrupt(overlay, &state) }
    guard let found = active(state).first(where: { $0.keys.contains(press) }) else {
      guard state.overlay == nil else { return Overlay.type(press, &state) }
      state.say(.information, means(press, state))
      return []
    }
    return found.perform(&state)
  }

  /// What a key that does nothing here is for.
  private static func means(_ press: KeyPress, _ state: State) -> String {
    let here = Screens.current(state).title
    let word = Binding.short(press)
    let others = Screens.all.filter { $0.bindings.contains { $0.keys.contains(press) } }
    guard let other = others.first,
      let name = other.bindings.first(where: { $0.keys.contains(press) })?.name
    else { return "\(word) does nothing on \(here): ? shows the keys" }
    return "\(word) does nothing on \(here); on \(other.title): \(name). ? shows the keys"
  }

  /// The interrupt key, over whatever lies over the screen: it asks as elsewhere, and a second one is the answer.
  private static func interrupt(_ overlay: Overlay, _ state: inout State) -> [Effect] {
    if case .confirm(let question) = overlay, case .quit = question.purpose { return [.quit] }
    state.overlay = nil
    return state.askToQuit()
  }
}
