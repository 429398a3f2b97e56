package import TerminalUI

/// One line of text under the user's keys.
package struct LineEditor: Hashable, Sendable {
  package private(set) var text: String
  /// Counted in characters.
  package private(set) var caret: Int
  private static let longest = 1024

  package init(_ text: String = "") {
    self.text = String(text.prefix(Self.longest))
    caret = self.text.count
  }

  /// Puts text in at the caret; line ends become spaces.
  package mutating func insert(_ added: String) {
    let added = added.map { $0.isNewline ? " " : $0 }.prefix(max(0, Self.longest - text.count))
    text.insert(contentsOf: added, at: place)
    caret = min(caret + added.count, text.count)
  }

  /// Handles a key; false when it means nothing here.
  package mutating func handle(_ press: KeyPress) -> Bool {
    if let typed = press.text {
      insert(typed)
      return true
    }
    switch (press.key, press.modifiers) {
    case (.left, []): caret = max(0, caret - 1)
    case (.right, []): caret = min(text.count, caret + 1)
    case (.home, []), (.character("a"), .control): caret = 0
    case (.end, []), (.character("e"), .control): caret = text.count
    case (.backspace, []):
      guard caret > 0 else { return true }
      caret -= 1
      text.remove(at: place)
    case (.delete, []):
      if caret < text.count { text.remove(at: place) }
    case (.character("u"), .control):
      text = String(text[place...])
      caret = 0
    case (.character("w"), .control):
      let before = text[..<place]
      let word = before.reversed().drop { $0 == " " }.drop { $0 != " " }
      let kept = String(word.reversed())
      text = kept + text[place...]
      caret = kept.count
    default: return false
    }
    return true
  }

  private var place: String.Index {
    text.index(text.startIndex, offsetBy: min(caret, text.count))
  }
}
