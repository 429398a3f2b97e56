package import TerminalUI

/// What the keys do while a session plays: the table that dispatch and the hint line share.
package enum PlayerKeys {
  /// What a key led to beyond the player itself.
  package enum Outcome: Hashable, Sendable {
    case stays
    case quits
    /// Take over live from here.
    case forks
  }

  /// One row of the table.
  package struct Row: Sendable {
    package var keys: [String]
    package var name: String
    package var help: String
    fileprivate var action: @Sendable (inout Player) -> Outcome

    fileprivate init(
      _ keys: String..., name: String, help: String,
      action: @escaping @Sendable (inout Player) -> Outcome
    ) {
      self.keys = keys
      self.name = name
      self.help = help
      self.action = action
    }
  }

  /// All rows.
  package static let rows: [Row] =
    [
      staying("space", name: "play", help: "Play or pause.") { $0.isPlaying.toggle() },
      staying(".", name: "step", help: "One step forward.") { $0.stepForward() },
      staying(",", name: "step back", help: "One step back.") { $0.stepBack() },
      staying("right", "l", name: "+5 s", help: "Five seconds forward.") {
        $0.seek(to: $0.position + 5000)
      },
      staying("left", "h", name: "-5 s", help: "Five seconds back.") {
        $0.seek(to: $0.position - 5000)
      },
      staying("]", name: "marker", help: "To the next marker.") { $0.jump(1) },
      staying("[", name: "marker before", help: "To the marker before.") { $0.jump(-1) },
      staying("plus", name: "faster", help: "Faster, up to 16 times.") { $0.changeSpeed(1) },
      staying("-", name: "slower", help: "Slower, down to a quarter.") { $0.changeSpeed(-1) },
      staying("=", name: "speed 1", help: "The speed it was recorded at.") { $0.resetSpeed() },
      staying("home", "g", name: "start", help: "To the start.") { $0.seek(to: 0) },
      staying("end", "G", name: "end", help: "To the end.") { $0.seek(to: $0.length) },
    ]
    + (0...9).map { tenth in
      staying(
        "\(tenth)", name: "\(tenth)0 %",
        help: tenth == 0 ? "To the start; 1 to 9 to the tenths." : "To \(tenth) tenths."
      ) { $0.goTo(tenth: tenth) }
    } + [
      staying("i", name: "pauses", help: "Shorten long pauses, or play them as they were.") {
        $0.capsPauses.toggle()
      },
      staying("o", name: "loop", help: "Begin again at the end, or stop there.") {
        $0.loops.toggle()
      },
      staying("?", name: "keys", help: "Show the keys, or hide them.") { $0.showsHelp.toggle() },
      staying("enter", name: "go on", help: "Go on after narration or an exercise.") {
        if $0.waiting == nil { $0.isPlaying = true } else { $0.proceed() }
      },
      staying("ctrl+s", name: "skip", help: "Leave the exercise undone and go on.") { $0.skip() },
      Row("f", name: "take over", help: "Take over live from this point.") { _ in .forks },
      Row("q", "esc", "ctrl+c", name: "quit", help: "Leave the player.") { _ in .quits },
    ]

  private static func staying(
    _ keys: String..., name: String, help: String,
    action: @escaping @Sendable (inout Player) -> Void
  ) -> Row {
    var row = Row(name: name, help: help) { player in
      action(&player)
      return .stays
    }
    row.keys = keys
    return row
  }

  /// The keys that work while a task is open; all others are the learner's.
  private static let duringTask: Set<String> = ["ctrl+s", "ctrl+c"]

  /// Gives an event to the player.
  ///
  /// - Parameter size: of the terminal, which says where the bar to seek with is.
  package static func handle(
    _ event: InputEvent, _ player: inout Player, size: Size = Size(width: 100, height: 30)
  ) -> Outcome {
    if player.showsHelp, case .key(let press) = event, press != .control("c") {
      player.showsHelp = false
      return .stays
    }
    guard case .key(let press) = event else {
      if case .task = player.waiting {
        player.practise(.input(event: event))
      } else if case .mouse(let event) = event {
        click(event, &player, size)
      }
      return .stays
    }
    if case .task = player.waiting, !duringTask.contains(press.name) {
      if player.verdict?.isRight == true, press == .enter {
        player.proceed()
      } else {
        player.practise(.key(press))
      }
      return .stays
    }
    if case .question = player.waiting, let text = press.text, let number = Int(text) {
      player.answer(number - 1)
      return .stays
    }
    guard let row = rows.first(where: { $0.keys.contains(press.name) }) else { return .stays }
    return row.action(&player)
  }

  /// A click into the bar goes to that time; the wheel steps.
  private static func click(_ event: MouseEvent, _ player: inout Player, _ size: Size) {
    switch event.action {
    case .wheelUp: player.stepBack()
    case .wheelDown: player.stepForward()
    case .press where event.button == .left, .drag:
      let bar = PlayerView.timeline(
        player, in: Rect(x: 0, y: 0, width: size.width, height: size.height))
      guard bar.contains(x: event.x, y: event.y) else { return }
      player.seek(to: player.length * Double(event.x - bar.x) / Double(max(1, bar.width - 1)))
    case .press, .release, .move: break
    }
  }
}
