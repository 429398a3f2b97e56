/// A backend without a terminal: tests and headless replay feed events in and read frames out.
@MainActor package final class MemoryBackend: Backend {
  package private(set) var size: Size
  package let depth: ColorDepth
  package let glyphs: GlyphSet
  package var ending: Ending?
  package let waker = Waker {}

  /// Every buffer that was presented, in order.
  package private(set) var frames: [CellBuffer] = []
  /// Where the caret of the last frame was.
  package private(set) var caret: Point?
  /// What was put on the clipboard last.
  package private(set) var clipboard: String?
  private var queue: [InputEvent] = []

  package init(size: Size, depth: ColorDepth = .trueColor, glyphs: GlyphSet = .unicode) {
    self.size = size
    self.depth = depth
    self.glyphs = glyphs
  }

  package func present(_ buffer: CellBuffer, caret: Point?) {
    frames.append(buffer)
    self.caret = caret
  }

  package func putOnClipboard(_ text: String) { clipboard = text }

  package func suspend() {}

  /// Hands out all that was fed and never waits.
  package func events(waiting milliseconds: Int?) -> [InputEvent] {
    defer { queue = [] }
    for case .resize(let size) in queue { self.size = size }
    return queue
  }

  /// Queues events for the next call of `events`.
  package func feed(_ events: [InputEvent]) { queue += events }

  /// Queues keys by name: `press("j", "enter", "ctrl+s")`.
  ///
  /// A word that is no key is typed letter by letter.
  package func press(_ names: String...) {
    for name in names {
      if let press = KeyPress(name: name) {
        queue.append(.key(press: press))
      } else {
        queue += name.map { .key(press: .character($0)) }
      }
    }
  }

  /// The text of the last frame; empty before the first.
  package var screen: String { frames.last?.snapshot() ?? "" }
}
