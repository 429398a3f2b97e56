package import TerminalUI
import Wording

/// The player's picture: the recorded screen, what is said or asked about it, and the bar to seek with.
package enum PlayerView {
  /// Draws the player into all of `buffer`.
  package static func draw(_ player: Player, into buffer: inout CellBuffer, look: Look) {
    let rect = buffer.bounds
    buffer.fill(rect, style: look.style(.text))
    guard rect.width >= WorkbenchView.least.width, rect.height >= WorkbenchView.least.height + 2
    else {
      let needed = Size(
        width: WorkbenchView.least.width, height: WorkbenchView.least.height + 2)
      buffer.draw(TooSmallNotice(needed: needed), in: rect, look: look)
      return
    }
    let lines = panel(player, width: rect.width - 4, look: look)
    let room = rect.height - WorkbenchView.least.height - 2
    let height = lines.isEmpty ? 0 : min(lines.count + 2, room)
    let rows = rect.rows([.fill(), .fixed(height), .fixed(2)])
    WorkbenchView.draw(player.shown, in: rows[0], of: &buffer, look: look)
    if height > 2 {
      buffer.fill(rows[1], style: look.style(.modal).over(look.style(.text)))
      let inner = buffer.box(
        title(player), in: rows[1], look: look, trailing: keys(player), isFocused: true)
      for (index, line) in lines.prefix(inner.height).enumerated() {
        buffer.line(line, in: inner.row(index), look: look)
      }
    }
    drawBar(player, in: rows[2], of: &buffer, look: look)
    if player.showsHelp { drawHelp(in: rect, of: &buffer, look: look) }
  }

  /// All keys of the player, over the screen; the tenths in one line.
  private static func drawHelp(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let rows = PlayerKeys.rows.filter { row in
      row.keys.first.map { $0 == "0" || Int($0) == nil } ?? false
    }
    let lines = rows.map { row -> StyledText in
      let keys = row.keys.compactMap { KeyPress(name: $0) }.map { Binding.short($0) }
        .joined(separator: " ")
      return StyledText(TextLayout.fit(keys, to: 12), .key) + StyledText(" " + row.help)
    }
    let room = buffer.modal(
      "Keys of the player", size: Size(width: min(rect.width, 66), height: lines.count + 2),
      in: rect, footer: StyledText("any key closes", .hint), look: look)
    for (row, line) in lines.prefix(room.height).enumerated() {
      buffer.line(line, in: room.row(row), look: look.insideModal)
    }
  }

  private static func title(_ player: Player) -> StyledText {
    switch player.waiting {
    case .task: "your turn"
    case .question: "question"
    case .narration, nil: StyledText(player.session.header.title)
    }
  }

  private static func keys(_ player: Player) -> StyledText {
    switch player.waiting {
    case .narration: .press("Enter", "go on")
    case .task:
      player.verdict?.isRight == true ? .press("Enter", "go on") : .press("Ctrl-S", "skip")
    case .question:
      player.verdict?.isRight == true ? .press("Enter", "go on") : .press("1-9", "answer")
    case nil: ""
    }
  }

  /// What is said or asked, in lines.
  private static func panel(_ player: Player, width: Int, look: Look) -> [StyledText] {
    var text: StyledText
    switch player.waiting {
    case .task(let task):
      text = .strong(task.text)
      if let hint = task.hint { text += StyledText("\n" + hint, .hint) }
    case .question(let question):
      text = .strong(question.text)
      for (index, choice) in question.choices.enumerated() {
        text += "\n" + StyledText("\(index + 1)", .key) + StyledText("  " + choice)
      }
    case .narration, nil:
      guard let caption = player.caption else { return [] }
      text = StyledText(caption)
    }
    if let verdict = player.verdict {
      text += "\n"
      text +=
        verdict.isRight
        ? .good("\(look.glyphs.pass) \(verdict.text)") : .bad("\(look.glyphs.fail) \(verdict.text)")
    }
    return TextLayout.wrap(text, to: max(1, width))
  }

  /// Where the bar is that a click seeks with, in a terminal of this size.
  package static func timeline(_ player: Player, in rect: Rect) -> Rect {
    let bar = rect.rows([.fill(), .fixed(2)])[1]
    return columns(left(player, look: Look()), speed(player), in: bar)[1]
  }

  private static func columns(_ left: StyledText, _ speed: String, in rect: Rect) -> [Rect] {
    rect.row(0).columns([.fixed(left.width), .fill(), .fixed(speed.count + 1)], spacing: 1)
  }

  private static func left(_ player: Player, look: Look) -> StyledText {
    let mark = player.isPlaying ? look.glyphs.play : look.glyphs.pause
    let time = "\(clock(player.position)) of \(clock(player.length))"
    return StyledText(" \(mark) ", .accent) + StyledText(time)
  }

  private static func speed(_ player: Player) -> String {
    let modes = (player.loops ? "loop " : "") + (player.capsPauses ? "" : "pauses ")
    return "\(modes)\(Quantity.significant(player.speed, 3)) ×"
  }

  private static func drawBar(
    _ player: Player, in rect: Rect, of buffer: inout CellBuffer, look: Look
  ) {
    let (left, speed) = (left(player, look: look), speed(player))
    let columns = columns(left, speed, in: rect)
    buffer.line(left, in: columns[0], look: look)
    let length = max(1, player.length)
    buffer.draw(Gauge(player.position / length), in: columns[1], look: look)
    for marker in player.session.markers {
      let x = columns[1].x + Int(Double(marker.at) / length * Double(max(0, columns[1].width - 1)))
      buffer.set(look.glyphs.vertical, x: x, y: rect.y, style: look.style(.warn))
    }
    buffer.line(StyledText(speed, .dim), in: columns[2], look: look)
    let shown = ["space", ".", ",", "right", "left", "]", "?", "f", "q"]
    let hints = shown.compactMap { key -> HintBar.Hint? in
      guard let row = PlayerKeys.rows.first(where: { $0.keys.contains(key) }),
        let press = KeyPress(name: key)
      else { return nil }
      return HintBar.Hint(Binding.short(press), row.name)
    }
    buffer.draw(HintBar(hints), in: rect.row(1), look: look)
  }

  /// `1:05`.
  static func clock(_ milliseconds: Double) -> String {
    let seconds = Int(min(max(0, milliseconds / 1000), 1e9))
    let rest = seconds % 60
    return "\(seconds / 60):\(rest < 10 ? "0" : "")\(rest)"
  }

  /// A frame without a terminal: the recorded screen at a time, as text.
  package static func frame(
    _ session: Session, at milliseconds: Double, size: Size, look: Look = Look()
  ) -> String {
    var player = Player(session)
    player.seek(to: milliseconds)
    return WorkbenchView.text(player.state, size: size, look: look)
  }
}
