import Engine
import TerminalUI

/// Applies a message to the state and tells what is to be done outside.
///
/// Pure: the same state and message always give the same state and effects. There is no clock, no
/// random number and no file here; what `update` knows of the world came in messages.
package func update(_ state: inout State, _ message: Message) -> [Effect] {
  switch message {
  case .launch(let model):
    return state.start(LoadJob(path: model)) + state.start(MachineJob())
  case .tick(let milliseconds):
    state.now = max(state.now, milliseconds)
    let now = state.now
    state.notices.removeAll { now - $0.since > $0.lifetime }
    return []
  case .input(let event): return state.handle(event)
  case .job(let event): return state.apply(event)
  case .catalog(let part):
    state.catalog.apply(part)
    return []
  case .recording(let path):
    state.recording = path
    state.say(.information, path.map { "Recording to \($0)" } ?? "Recording ended")
    return []
  case .notice(let kind, let text):
    state.say(kind, text)
    return []
  }
}

extension State {
  mutating func handle(_ event: InputEvent) -> [Effect] {
    switch event {
    case .key(let press): return Keymap.dispatch(press, &self)
    case .resize(let size):
      self.size = size
      return []
    case .paste(let text):
      guard overlay != nil else { return [] }
      return Overlay.type(text, &self)
    case .mouse(let event): return handle(event)
    }
  }

  private mutating func handle(_ event: MouseEvent) -> [Effect] {
    switch event.action {
    case .wheelUp: return Keymap.dispatch(.up, &self)
    case .wheelDown: return Keymap.dispatch(.down, &self)
    case .press:
      guard event.button == .left, overlay == nil else { return [] }
      if event.y == 0, let id = WalkBar.screen(at: event.x, in: self) { return show(id) }
      return []
    default: return []
    }
  }

  /// Goes to a screen.
  package mutating func show(_ id: String) -> [Effect] {
    guard let screen = Screens.named(id) else { return [] }
    overlay = nil
    self.screen = id
    return screen.appeared(&self)
  }
}
