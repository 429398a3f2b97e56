import TerminalUI

/// The bottom line, made from the binding table.
enum KeyHints {
  static func draw(_ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    var hints: [HintBar.Hint] = []
    if state.overlay == nil {
      // While a lesson has the keyboard, Enter is its own.
      if state.lesson?.hasKeyboard != true, let step = Screens.current(state).step(state) {
        hints.append(HintBar.Hint("Enter", step.label, press: KeyPress(.enter)))
      }
      hints += Screens.current(state).bindings.filter { $0.isHint && $0.isAvailable(state) }
        .map(hint)
      if state.jobs.active != nil {
        hints.append(HintBar.Hint("p", "pause", press: KeyPress(name: "p")))
        hints.append(HintBar.Hint("X", "cancel", press: KeyPress(name: "X")))
      }
    } else {
      hints += (state.overlay?.bindings ?? []).filter(\.isHint).map(hint)
    }
    let always = Keymap.global.filter(\.isHint).suffix(rect.width >= 72 ? 3 : 2)
    let pinned = state.overlay == nil ? always.map { self.hint($0) } : []
    buffer.draw(HintBar(hints, pinned: pinned), in: rect, look: look)
  }

  private static func hint(_ binding: Binding) -> HintBar.Hint {
    HintBar.Hint(
      binding.keys.first.map(Binding.short) ?? "", binding.name, press: binding.keys.first)
  }
}
