import TerminalUI

/// The keys and the picture of the palette: everything there is to do, found by a few letters of its name.
extension Palette {
  /// An entry that matches what was typed.
  package struct Entry: Sendable {
    package var binding: Binding
    /// Why it cannot be done now.
    package var reason: String?
    package var score: Int
    /// Where it leads, for what has no key.
    package var place = ""
  }

  /// What there is to do on this screen, and once something is typed all that there is to go to: what can be done now first, of it
  /// the best match, the screen's own keys before the global ones before things.
  package func entries(_ state: State) -> [Entry] {
    let all =
      Screens.current(state).bindings + Keymap.global.filter { !Self.isMotion($0) }
    let found = all.enumerated().compactMap { index, binding -> (Int, Entry)? in
      let text = "\(binding.name) \(binding.help)"
      guard let score = FuzzyMatch.score(editor.text, in: text) else { return nil }
      return (index, Entry(binding: binding, reason: binding.reason(state), score: score))
    }
    func key(_ found: (Int, Entry)) -> (Int, Int, Int) {
      (found.1.reason == nil ? 0 : 1, -found.1.score, found.0)
    }
    return (found + things(state, after: all.count)).sorted { key($0) < key($1) }.map(\.1)
  }

  /// Things whose name has the letters of what was typed in order, or whose help holds it.
  private func things(_ state: State, after count: Int) -> [(Int, Entry)] {
    guard !editor.text.allSatisfy({ $0 == " " }) else { return [] }
    return PaletteThings.all(state).enumerated().compactMap { index, thing in
      let binding = thing.binding
      let isInHelp = binding.help.lowercased().contains(editor.text.lowercased())
      guard let score = FuzzyMatch.score(editor.text, in: binding.name) ?? (isInHelp ? 1 : nil)
      else { return nil }
      return (
        count + index,
        Entry(
          binding: binding, reason: binding.reason(state), score: score, place: thing.place)
      )
    }
  }

  private static func isMotion(_ binding: Binding) -> Bool {
    ["up", "down", "left", "right", "first", "last", "page up", "page down"].contains(binding.name)
  }

  static let bindings: [Binding] = [
    Binding("enter", name: "do it", help: "Do what is chosen.", isHint: true) { state in
      guard case .palette(let palette) = state.overlay else { return [] }
      let entries = palette.entries(state)
      state.overlay = nil
      guard entries.indices.contains(palette.selected) else { return [] }
      return entries[palette.selected].binding.perform(&state)
    },
    Binding("up", "ctrl+p", name: "up", help: "Choose the entry above.") { state in
      move(.up, &state)
    },
    Binding("down", "ctrl+n", name: "down", help: "Choose the entry below.") { state in
      move(.down, &state)
    },
    Binding.closing("esc", help: "Close the palette."),
  ]

  private static func move(_ motion: Motion, _ state: inout State) -> [Effect] {
    guard case .palette(var palette) = state.overlay else { return [] }
    palette.selected = motion.moved(palette.selected, count: palette.entries(state).count)
    state.overlay = .palette(palette)
    return []
  }

  func draw(_ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let entries = entries(state)
    let size = Size(
      width: min(rect.width, 84), height: min(rect.height, max(8, rect.height * 2 / 3)))
    let room = buffer.modal(
      "Palette", size: size, in: rect, footer: StyledText("\(entries.count) found", .hint),
      look: look)
    buffer.textField(
      editor.text, caret: editor.caret, prompt: StyledText(": ", .key), in: room.row(0), look: look)
    let list = ItemList(
      entries.map { entry in
        ItemList.Item(
          StyledText(entry.binding.name, entry.reason == nil ? .strong : .dim) + "  "
            + StyledText(entry.reason.map { "now: \($0)" } ?? entry.binding.help, .hint),
          trailing: entry.binding.keys.isEmpty
            ? .hint(entry.place)
            : StyledText(entry.binding.keyText, entry.reason == nil ? .key : .dim))
      },
      selected: selected, placeholder: StyledText("Nothing is called that. Esc closes.", .hint))
    buffer.draw(list, in: room.splitTop(2).rest, look: look)
  }
}

/// Matching by the letters of a pattern in order, as palettes do.
enum FuzzyMatch {
  /// How well `pattern` fits; nil when its letters do not occur in order.
  ///
  /// Letters at word starts and runs count more.
  static func score(_ pattern: String, in text: String) -> Int? {
    let letters = Array(text.lowercased().prefix(200))
    var score = 0
    var place = 0
    var last = -2
    for letter in pattern.lowercased() where letter != " " {
      var best: Int?
      var index = place
      while index < letters.count {
        if letters[index] == letter {
          best = index
          break
        }
        index += 1
      }
      guard let found = best else { return nil }
      let startsWord = found == 0 || letters[found - 1] == " "
      score += found == last + 1 ? 6 : startsWord ? 5 : 1
      score -= min(found / 10, 3)
      last = found
      place = found + 1
    }
    return score
  }
}
