import TerminalUI

/// The top line: where the user is in the walk, what is done, what is recorded.
enum WalkBar {
  static func draw(_ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    buffer.draw(line(state, look: look), in: rect, look: look)
  }

  /// The screen under a column of the line.
  static func screen(at x: Int, in state: State) -> String? {
    let rect = Rect(x: 0, y: 0, width: state.size.width, height: 1)
    let look = Look()
    guard let index = line(state, look: look).step(atX: x, in: rect, look: look) else { return nil }
    return Screens.walk.indices.contains(index) ? Screens.walk[index].id : nil
  }

  private static func line(_ state: State, look: Look) -> WalkLine {
    let steps = Screens.walk.map { screen in
      WalkLine.Step(screen.title, isDone: screen.isDone(state))
    }
    let current = Screens.step(state.screen)
    var trailing = StyledText([])
    if current == nil { trailing += .strong(Screens.current(state).title.uppercased() + "  ") }
    if state.recording != nil { trailing += .bad("\(look.glyphs.record) rec") }
    return WalkLine("nibble", steps: steps, current: current, trailing: trailing)
  }
}
