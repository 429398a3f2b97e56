import Engine
import TerminalUI

/// A session as it is seen: its states in order, long pauses shortened as the player does, what comes at once as one.
struct SessionFilm {
  struct Scene {
    enum What {
      case picture(State)
      case marker(title: String)
      case note(text: String)
    }

    /// Milliseconds into the film.
    var at: Int
    /// Milliseconds into the session.
    var recorded: Int
    var what: What
  }

  private let session: Session
  /// States closer than this many milliseconds are one picture.
  private let gap: Int

  init(_ session: Session, gap: Int = 40) {
    self.session = session
    self.gap = gap
  }

  /// Calls `show` with everything there is to see, in order.
  func play(_ show: (Scene) -> Void) {
    var state = State(size: session.header.size)
    state.theme = session.header.theme
    var idle = 0
    var last = 0
    for (index, line) in session.lines.enumerated() {
      idle += max(0, line.at - last - Int(Player.longestIdle))
      last = line.at
      func scene(_ what: Scene.What) {
        show(Scene(at: line.at - idle, recorded: line.at, what: what))
      }
      switch line.item {
      case .marker(let title): scene(.marker(title: title))
      case .note(let text), .say(let text): scene(.note(text: text))
      case .message(let message):
        if case .input(.resize) = message { continue }
        _ = update(&state, message)
        let next = session.lines.indices.contains(index + 1) ? session.lines[index + 1].at : .max
        if next - line.at >= gap { scene(.picture(state)) }
      case .task, .question, .part, .unknown: continue
      }
    }
  }
}
