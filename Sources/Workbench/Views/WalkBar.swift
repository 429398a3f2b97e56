import TerminalUI

/// The top line: where the user is in the walk, what is done, what is recorded.
enum WalkBar {
  static func draw(_ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    buffer.draw(line(state, look: look), in: rect, look: look)
  }

  private static func line(_ state: State, look: Look) -> WalkLine {
    let steps = Screens.walk.map { screen in
      WalkLine.Step(
        screen.title, isDone: screen.isDone(state),
        press: state.overlay == nil ? KeyPress(name: screen.shortcut.key) : nil)
    }
    let current = Screens.step(state.screen)
    var trailing = StyledText([])
    if current == nil { trailing += .strong(Screens.current(state).title.uppercased() + "  ") }
    if state.recording != nil { trailing += .bad("\(look.glyphs.record) rec") }
    return WalkLine("nibble", steps: steps, current: current, trailing: trailing)
  }
}
