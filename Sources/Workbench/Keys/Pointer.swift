import TerminalUI

/// What the mouse does: clicks and the wheel go to what is drawn under them.
///
/// There is no second table of rectangles: the picture is drawn once more with its marks, and what was marked is done by the
/// keys that do it, so that screens need know nothing of the mouse.
enum Pointer {
  /// Panes that the focus may pass on its way.
  private static let mostPanes = 6
  /// Steps of a cursor at most, for lists and maps of any length.
  private static let mostSteps = 20_000

  static func handle(_ event: MouseEvent, _ state: inout State) -> [Effect] {
    switch event.action {
    case .wheelUp: return wheel(.up, event, &state)
    case .wheelDown: return wheel(.down, event, &state)
    case .press: return event.button == .left ? click(event, &state) : []
    case .drag: return drag(event, &state)
    case .release, .move: return []
    }
  }

  /// Follows the pointer: the cursor goes where it is, cells of a map that it passes are marked where they can be, and beyond
  /// the edge of a list the list moves on.
  private static func drag(_ event: MouseEvent, _ state: inout State) -> [Effect] {
    let found = hits(state, event)
    guard state.overlay == nil, found.isFocused(x: event.x, y: event.y) == true else { return [] }
    switch found.target(x: event.x, y: event.y) {
    case .row(let row, let chosen):
      guard let chosen else { return [] }
      return step(from: chosen, to: row, .up, .down, &state)
    case .cell(let place, let cursor):
      guard let cursor, cursor != place else { return [] }
      Screens.current(state).mark(&state)
      let effects =
        step(from: cursor.row, to: place.row, .up, .down, &state)
        + step(from: cursor.column, to: place.column, .left, .right, &state)
      Screens.current(state).mark(&state)
      return effects
    case .key, .pane, .modal, .field, nil:
      // On the frame of a list, above or below its rows.
      let rows = found.compactMap { hit -> Rect? in
        if case .row(_, .some) = hit.target { hit.rect } else { nil }
      }
      guard let first = rows.map(\.y).min(), let last = rows.map(\.maxY).max() else { return [] }
      return event.y < first ? move(.up, &state) : event.y >= last ? move(.down, &state) : []
    }
  }

  private static func click(_ event: MouseEvent, _ state: inout State) -> [Effect] {
    let found = hits(state, event)
    if state.overlay != nil, found.isOutside(x: event.x, y: event.y) {
      return Dispatch.press(KeyPress(.escape), &state)
    }
    let pane = focus(event, &state)
    // The focus may have changed what is drawn.
    let target = hits(state, event).target(x: event.x, y: event.y)
    if case .key(let press)? = target { return Dispatch.press(press, &state) }
    guard pane != .takesNone else { return [] }
    switch target {
    case .row(let row, let chosen):
      guard let chosen = chosen ?? before(state.overlay) else { return [] }
      if row == chosen, state.overlay != nil { return Dispatch.press(KeyPress(.enter), &state) }
      return step(from: chosen, to: row, .up, .down, &state)
    case .field(let field, let chosen, let isTyped):
      guard let chosen else { return [] }
      guard field == chosen, pane == .hadIt else {
        return step(from: chosen, to: field, .up, .down, &state)
      }
      let typing = KeyPress(.character("e"))
      let canType = Dispatch.active(state).first { $0.keys.contains(typing) }?.isAvailable(state)
      return isTyped || canType == true
        ? Dispatch.press(typing, &state) : move(.right, &state)
    case .cell(let place, let cursor):
      guard let cursor else { return [] }
      return step(from: cursor.row, to: place.row, .up, .down, &state)
        + step(from: cursor.column, to: place.column, .left, .right, &state)
    case .key, .pane, .modal, nil: return []
    }
  }

  /// Where the cursor of a list begins that has none yet: before the first of the paths below a field.
  private static func before(_ overlay: Overlay?) -> Int? {
    if case .edit = overlay { -1 } else { nil }
  }

  private static func wheel(
    _ motion: Motion, _ event: MouseEvent, _ state: inout State
  ) -> [Effect] {
    focus(event, &state)
    return move(motion, &state)
  }

  /// The pane under the pointer and the focus.
  private enum Pane {
    case hadIt, gotIt, takesNone
  }

  /// Moves the focus into the pane under the pointer, if it takes it.
  @discardableResult
  private static func focus(_ event: MouseEvent, _ state: inout State) -> Pane {
    guard state.overlay == nil, hits(state, event).isFocused(x: event.x, y: event.y) == false
    else { return .hadIt }
    var moved = state
    for _ in 0..<mostPanes {
      let before = moved.views
      Screens.current(moved).focus(1, &moved)
      // A screen with one pane has the cursor there, whatever its box looks like.
      if moved.views == before { return .hadIt }
      if hits(moved, event).isFocused(x: event.x, y: event.y) == true {
        state = moved
        return .gotIt
      }
    }
    return .takesNone
  }

  private static func step(
    from: Int, to: Int, _ back: Motion, _ on: Motion, _ state: inout State
  ) -> [Effect] {
    (0..<min(abs(to - from), mostSteps)).reduce(into: []) { effects, _ in
      effects += move(to > from ? on : back, &state)
    }
  }

  private static func move(_ motion: Motion, _ state: inout State) -> [Effect] {
    guard state.overlay != nil else { return Screens.current(state).move(motion, &state) }
    let keys: [Motion: Key] = [.up: .up, .down: .down, .left: .left, .right: .right]
    return keys[motion].map { Dispatch.press(KeyPress($0), &state) } ?? []
  }

  /// What is drawn, and where.
  private static func hits(_ state: State, _ event: MouseEvent) -> [Hit] {
    // Maps show two rows on a line where there are colours for it.
    WorkbenchView.hits(state, look: event.isCoarse == true ? Look(depth: .mono) : Look())
  }
}
