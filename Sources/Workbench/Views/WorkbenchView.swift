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
    buffer.drawReadOut(style: look.style(.cursor))
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
    guard state.lesson != nil, LessonPanel.fits(rect.size) else {
      return drawScreen(state, in: rect, of: &buffer, look: look)
    }
    let parts = LessonPanel.split(rect, isPresenting: state.isPresenting)
    if state.isPresenting {
      drawBare(state, in: parts.screen, of: &buffer, look: look)
    } else {
      drawScreen(state, in: parts.screen, of: &buffer, look: look)
    }
    LessonPanel.draw(state, in: parts.panel, of: &buffer, look: look)
  }

  /// The screen alone, for a room; the status line comes up while there is something to say.
  private static func drawBare(
    _ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    let isSaying = !state.notices.isEmpty || state.jobs.active != nil
    let (screen, line) = rect.splitBottom(isSaying ? 1 : 0)
    Screens.current(state).draw(state, in: screen, of: &buffer, look: look)
    if isSaying { StatusLine(state).draw(in: line, of: &buffer, look: look) }
    state.overlay?.draw(state, in: rect, of: &buffer, look: look)
  }

  private static func drawScreen(
    _ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    let rows = rect.rows([.fixed(1), .fill(), .fixed(1), .fixed(1)])
    WalkBar.draw(state, in: rows[0], of: &buffer, look: look)
    Screens.current(state).draw(state, in: rows[1], of: &buffer, look: look)
    StatusLine(state).draw(in: rows[2], of: &buffer, look: look)
    KeyHints.draw(state, in: rows[3], of: &buffer, look: look)
    state.overlay?.draw(
      state, in: rect.inset(top: 1, bottom: 1), of: &buffer, look: look)
  }

  /// What the places of the picture stand for, for the mouse.
  package static func hits(_ state: State, look: Look = Look()) -> [Hit] {
    var buffer = look.buffer(state.size)
    buffer.hits = []
    draw(state, into: &buffer, look: look)
    return buffer.hits ?? []
  }

  /// The picture as text, a line a row.
  package static func text(_ state: State, size: Size, look: Look = Look()) -> String {
    var buffer = look.buffer(size)
    draw(state, into: &buffer, look: look)
    return buffer.snapshot()
  }
}
