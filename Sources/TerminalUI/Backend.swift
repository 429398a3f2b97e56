/// A place to show buffers and to get events from: a terminal, or `MemoryBackend`.
///
/// The loop is: draw a buffer, `present` it, then `events` until something comes. Other threads end
/// that wait through `waker`; nothing else of a backend may leave the main actor.
@MainActor package protocol Backend: ~Copyable {
  /// Its size at the last event.
  var size: Size { get }
  var depth: ColorDepth { get }
  /// The glyphs that it can show.
  var glyphs: GlyphSet { get }
  /// Ends a wait from any thread.
  var waker: Waker { get }

  /// Shows a buffer, its top left cell at the top left; `caret` shows the terminal's own cursor
  /// there.
  mutating func present(_ buffer: CellBuffer, caret: Point?)

  /// The events that came, waiting at most `milliseconds` for the first (for ever when nil).
  ///
  /// Empty when woken or timed out.
  mutating func events(waiting milliseconds: Int?) -> [InputEvent]

  /// Puts text on the user's clipboard, where the backend can.
  mutating func putOnClipboard(_ text: String)

  /// Gives the terminal back until the user continues the program.
  func suspend()

  /// Why the program has to end, once it has to: a signal's number, or the terminal is gone.
  var ending: Ending? { get }
}

/// Why a backend asks the program to end.
package enum Ending: Hashable, Sendable {
  /// A signal that asks a program to end; the exit code is 128 + number, but 75 for SIGUSR1.
  case signal(number: Int32)
  case terminalGone
}

/// Ends the wait of a backend; may be called from any thread, any number of times.
package struct Waker: Sendable {
  private let body: @Sendable () -> Void

  package init(_ body: @escaping @Sendable () -> Void) { self.body = body }

  package func wake() { body() }
}
