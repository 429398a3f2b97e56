import TerminalUI

/// The keys and the picture of the glossary: words on the left, the one under the cursor explained below.
extension GlossaryPage {
  static let bindings: [Binding] = [
    Binding("up", "k", name: "up", help: "The word above.") { state in move(.up, &state) },
    Binding("down", "j", name: "down", help: "The word below.", isHint: true) { state in
      move(.down, &state)
    },
    Binding("pageup", name: "page up", help: "Ten words up.") { state in move(.pageUp, &state) },
    Binding("pagedown", "space", name: "page down", help: "Ten words down.") { state in
      move(.pageDown, &state)
    },
    Binding.closing("esc", "q", "W", "enter", help: "Close the words."),
  ]

  private static func move(_ motion: Motion, _ state: inout State) -> [Effect] {
    guard case .glossary(var page) = state.overlay else { return [] }
    page.selected = motion.moved(page.selected, count: page.terms.count)
    state.overlay = .glossary(page)
    return []
  }

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let size = Size(width: min(rect.width, 78), height: min(rect.height, 24))
    let room = buffer.modal(
      "Words", size: size, in: rect, footer: StyledText("↑↓ word  Esc close", .hint), look: look)
    let chosen = terms.indices.contains(selected) ? terms[selected] : nil
    let text = TextLayout.wrap(chosen?.text ?? "", to: max(1, room.width))
    let (list, below) = room.splitBottom(min(text.count + 1, room.height / 2))
    buffer.draw(
      ItemList(
        terms.map { term in
          ItemList.Item(
            StyledText(term.word, term.isOnScreen ? .strong : .text)
              + StyledText(term.also.isEmpty ? "" : "  " + term.also.joined(separator: ", "), .hint),
            trailing: term.isOnScreen ? StyledText("on this screen", .hint) : "")
        }, selected: terms.isEmpty ? nil : selected,
        placeholder: StyledText("No words were found.", .hint)), in: list, look: look)
    for (row, line) in text.prefix(max(0, below.height - 1)).enumerated() {
      buffer.line(StyledText(line), in: below.row(row + 1), look: look)
    }
  }
}
