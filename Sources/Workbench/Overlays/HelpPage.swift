import TerminalUI
import Wording

/// The keys and the picture of help: what the screen answers, its keys, the keys that work everywhere.
extension HelpPage {
  static let bindings: [Binding] = [
    Binding("up", "k", name: "up", help: "Scroll up.") { state in scroll(-1, &state) },
    Binding("down", "j", name: "down", help: "Scroll down.", isHint: true) { state in
      scroll(1, &state)
    },
    Binding("pageup", name: "page up", help: "Scroll up a page.") { state in scroll(-10, &state) },
    Binding("pagedown", "space", name: "page down", help: "Scroll down a page.") { state in
      scroll(10, &state)
    },
    Binding.closing("esc", "q", "?", "enter", help: "Close help."),
  ]

  private static func scroll(_ lines: Int, _ state: inout State) -> [Effect] {
    guard case .help(var page) = state.overlay else { return [] }
    page.top = max(0, min(page.top + lines, page.lines(state, width: 70).count - 4))
    state.overlay = .help(page)
    return []
  }

  /// The page in lines of `width`.
  func lines(_ state: State, width: Int) -> [StyledText] {
    var lines: [StyledText] = []
    if let screen = Screens.named(screen) {
      lines.append(StyledText(screen.title, .header))
      lines += TextLayout.wrap(screen.question, to: width).map { StyledText($0) }
      lines.append("")
      lines += Self.table(screen.bindings, state, width: width)
      if !screen.bindings.isEmpty { lines.append("") }
    }
    lines.append(StyledText("Everywhere", .header))
    lines += Self.table(Keymap.global, state, width: width)
    lines.append("")
    lines.append(StyledText("The four checks", .header))
    for (index, line) in Self.checks.enumerated() {
      lines += TextLayout.wrap("\(index + 1)  \(line)", to: width).map { StyledText($0) }
    }
    return lines
  }

  private static let checks = [
    "Is it the right tensor? Weights, activations and the KV cache cost different things; Target shows which binds.",
    "Does quality hold? KL divergence and perplexity against the baseline, with the noise floor next to them.",
    "Does the quantized operator run? The kernel trace says which code ran, and why when it fell back.",
    "Did the bottleneck shrink? Speed and bytes, before and after, measured in one run.",
  ]

  /// Keys with what they do, and why where they cannot do it now.
  private static func table(
    _ bindings: [Binding], _ state: State, width: Int
  ) -> [StyledText] {
    bindings.flatMap { binding -> [StyledText] in
      let keys = TextLayout.fit(binding.keyText, to: 14)
      let reason = binding.reason(state)
      let help = TextLayout.wrap(binding.help, to: max(10, width - 15)).map {
        StyledText($0, reason == nil ? .text : .dim)
      }
      let why = reason.map { TextLayout.wrap("now: \($0)", to: max(10, width - 15)) } ?? []
      return (help + why.map { StyledText($0, .hint) }).enumerated().map { index, line in
        StyledText(index == 0 ? keys : PlainTable.padded("", to: 14), .key) + " " + line
      }
    }
  }

  func draw(_ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let size = Size(width: min(rect.width, 78), height: min(rect.height, 36))
    let room = buffer.modal(
      "Help", size: size, in: rect, footer: StyledText("Esc close", .hint), look: look)
    let all = lines(state, width: max(1, room.width - 2))
    let window = ScrollWindow(count: all.count, visible: room.height, top: top)
    for (row, index) in window.range.enumerated() {
      buffer.line(all[index], in: room.row(row), look: look)
    }
    buffer.draw(ScrollBar(window), in: room, look: look)
  }
}
