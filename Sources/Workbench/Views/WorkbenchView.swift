import Quantization
package import TerminalUI

/// The whole picture of a state: walk line, screen, status line, hints, and what lies over them.
package enum WorkbenchView {
  /// The least size that every screen is made for.
  package static let least = Size(width: 60, height: 16)

  /// Draws `state` into all of `buffer`.
  ///
  /// Pure: the same arguments always give the same cells.
  package static func draw(_ state: State, into buffer: inout CellBuffer, look: Look) {
    draw(state, in: buffer.bounds, of: &buffer, look: look)
  }

  /// Draws `state` into a part of a buffer, such as the frame of the player.
  package static func draw(
    _ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    buffer.fill(rect, style: look.style(.text))
    guard rect.width >= least.width, rect.height >= least.height else {
      buffer.draw(TooSmallNotice(needed: least), in: rect, look: look)
      return
    }
    let rows = rect.rows([.fixed(1), .fill(), .fixed(1), .fixed(1)])
    WalkBar.draw(state, in: rows[0], of: &buffer, look: look)
    Screens.current(state).draw(state, in: rows[1], of: &buffer, look: look)
    StatusLine.draw(state, in: rows[2], of: &buffer, look: look)
    KeyHints.draw(state, in: rows[3], of: &buffer, look: look)
    state.overlay?.draw(
      state, in: rect.inset(top: 1, bottom: 1), of: &buffer, look: look)
  }

  /// The picture as text, a line a row.
  package static func text(_ state: State, size: Size, look: Look = Look()) -> String {
    var buffer = look.buffer(size)
    draw(state, into: &buffer, look: look)
    return buffer.snapshot()
  }
}

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
    return Screens.all.indices.contains(index) ? Screens.all[index].id : nil
  }

  private static func line(_ state: State, look: Look) -> WalkLine {
    let steps = Screens.all.prefix(Screens.walk).map { screen in
      WalkLine.Step(screen.title, isDone: isDone(screen.id, state))
    }
    let index = Screens.index(state.screen) ?? 0
    var trailing = StyledText([])
    if index >= Screens.walk { trailing += .strong(Screens.all[index].title.uppercased() + "  ") }
    if state.recording != nil { trailing += .bad("\(look.glyphs.record) rec") }
    return WalkLine(
      "nibble", steps: Array(steps), current: index < Screens.walk ? index : nil,
      trailing: trailing)
  }

  /// Whether a step of the walk has its result.
  private static func isDone(_ id: String, _ state: State) -> Bool {
    switch id {
    case ModelScreen.id: state.facts.model != nil
    case TargetScreen.id: state.facts.plan != nil && !state.choices.recipe.isBaseline
    case MethodScreen.id: !state.choices.recipe.isBaseline
    case CalibrateScreen.id, HeatmapScreen.id: state.facts.quantized != nil
    case QualityScreen.id: state.facts.evaluation != nil
    case ProfileScreen.id: state.facts.bench != nil
    case VerdictScreen.id: state.facts.saved != nil
    default: false
    }
  }
}
