import Glibc
import Platform
import TerminalUI

/// A terminal in memory at which a script sits: it looks at each frame, waits for what it expects, and types.
///
/// It gives up after a while, so that a walk that stands still ends with the screen it stood on.
@MainActor final class ScriptedTerminal: Backend {
  /// What the script waits for, and what it types then.
  struct Step {
    var expected: String
    var isSeen: (_ screen: [String]) -> Bool
    var keys: [String] = []
    /// Typed again and again until it is seen.
    var searchKey: String?
    /// How the terminal ends the program at this step.
    var ending: Ending?
  }

  private(set) var size: Size
  let depth = ColorDepth.trueColor
  let glyphs = GlyphSet.unicode
  let waker = Waker {}
  private(set) var ending: Ending?
  private(set) var clipboard: String?

  private var steps: [Step]
  /// The screen each step was met on, in order.
  private(set) var met: [[String]] = []
  /// What was waited for in vain, and the screen then; nil when the script went through.
  private(set) var failure: String?
  private var screen: [String] = []
  private var isFresh = false
  private let deadline: Double

  init(size: Size = Size(width: 120, height: 36), seconds: Double = 420, _ steps: [Step]) {
    self.size = size
    self.steps = steps
    deadline = Machine.seconds() + seconds
  }

  func present(_ buffer: CellBuffer, caret: Point?) {
    screen = buffer.snapshot().split(separator: "\n", omittingEmptySubsequences: false)
      .map(String.init)
    isFresh = true
  }

  func events(waiting milliseconds: Int?) -> [InputEvent] {
    if isFresh, let step = steps.first {
      isFresh = false
      if step.isSeen(screen) {
        met.append(screen)
        steps.removeFirst()
        ending = step.ending
        return step.keys.flatMap(Self.events)
      }
      if let key = step.searchKey { return Self.events(key) }
    }
    if let step = steps.first, Machine.seconds() > deadline {
      failure =
        "waited in vain for \(step.expected); the screen:\n" + screen.joined(separator: "\n")
      ending = .signal(number: SIGTERM)
    }
    usleep(UInt32(min(milliseconds ?? 10, 10)) * 1000)
    return []
  }

  func putOnClipboard(_ text: String) { clipboard = text }
  func suspend() {}

  private static func events(_ name: String) -> [InputEvent] {
    if let press = KeyPress(name: name) { return [.key(press: press)] }
    return name.map { .key(press: .character($0)) }
  }
}

extension ScriptedTerminal.Step {
  /// Waits for a screen on which Enter does `label`, then types `keys`.
  static func on(_ title: String, enter label: String, _ keys: String...) -> Self {
    Self(
      expected: "\(title) with 'Enter \(label)'",
      isSeen: { screen in
        screen.first?.contains(title.uppercased()) == true
          && screen.last?.contains("Enter \(label)") == true
      }, keys: keys)
  }

  /// Waits for words anywhere on a screen, then types `keys`.
  static func on(_ title: String, seeing words: String, _ keys: String...) -> Self {
    Self(
      expected: "\(title) with '\(words)'",
      isSeen: { screen in
        screen.first?.contains(title.uppercased()) == true
          && screen.contains { $0.contains(words) }
      }, keys: keys)
  }

  /// The same step, with a key that is typed until it is met.
  func searching(_ key: String) -> Self {
    var step = self
    step.searchKey = key
    return step
  }

  /// The same step, after which the terminal ends the program.
  func ending(_ ending: Ending) -> Self {
    var step = self
    step.ending = ending
    return step
  }
}
