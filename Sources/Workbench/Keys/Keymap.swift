import Engine
import TerminalUI

/// The binding table: what every key does, by scope.
package enum Keymap {
  /// Bindings of one scope, under the heading that help gives it.
  package struct Scope: Sendable {
    package var title: String
    package var bindings: [Binding]
  }

  /// Keys that work on every screen.
  package static let global: [Binding] = movement + going + asking + leaving

  private static func moving(
    _ keys: String..., name: String, help: String, _ motion: Motion
  ) -> Binding {
    var binding = Binding(name: name, help: help) { state in
      Screens.current(state).move(motion, &state)
    }
    binding.keys = keys.compactMap { KeyPress(name: $0) }
    return binding
  }

  private static let movement: [Binding] = [
    moving("up", "k", name: "up", help: "Move up.", .up),
    moving("down", "j", name: "down", help: "Move down.", .down),
    moving("left", "h", name: "left", help: "Move left, or lower the value of a field.", .left),
    moving("right", "l", name: "right", help: "Move right, or raise the value of a field.", .right),
    moving("pageup", name: "page up", help: "Move up a page.", .pageUp),
    moving("pagedown", name: "page down", help: "Move down a page.", .pageDown),
    moving("home", "g", name: "first", help: "Go to the first row.", .first),
    moving("end", "G", name: "last", help: "Go to the last row.", .last),
    focusing("tab", name: "next pane", help: "Move the focus to the next pane.", 1),
    focusing("shift+tab", name: "previous pane", help: "Move the focus to the pane before.", -1),
  ]

  private static func focusing(
    _ key: String, name: String, help: String, _ direction: Int
  ) -> Binding {
    Binding(
      key, name: name, help: help,
      unless: { state in
        var moved = state
        Screens.current(state).focus(direction, &moved)
        return moved.views == state.views
          ? "\(Screens.current(state).title) has one pane now: the arrows move in it" : nil
      }
    ) { state in
      Screens.current(state).focus(direction, &state)
      return []
    }
  }

  private static let going: [Binding] =
    [
      Binding(
        "enter", name: "next", help: "Do the next step of the walk, as the last line says.",
        unless: { state in
          let screen = Screens.current(state)
          return screen.step(state) == nil ? screen.standstill(state) : nil
        }
      ) { state in
        guard let step = Screens.current(state).step(state) else { return [] }
        return step.action(&state)
      },
      walking("n", name: "next screen", help: "Go to the next screen of the walk.", 1),
      walking("N", name: "screen before", help: "Go to the screen before.", -1),
    ]
    + Screens.all.map(showing)

  /// The key of a screen, as it declares it.
  private static func showing(_ screen: any Screen.Type) -> Binding {
    let shortcut = screen.shortcut
    let id = screen.id
    return Binding(
      shortcut.key, name: shortcut.name ?? screen.title,
      help: shortcut.help ?? "Go to \(screen.title): \(screen.question)"
    ) { state in
      state.show(id)
      return []
    }
  }

  private static let asking: [Binding] = [
    Binding(
      "U", name: "take back", help: "Take back the last choice: recipe, workload, what was set.",
      unless: { $0.past.isEmpty ? "No choice was made yet that could be taken back" : nil }
    ) { state in state.takeBack() },
    Binding("t", name: "themes", help: "Choose a theme; it is tried on as you move.") { state in
      let index = state.catalog.themes.firstIndex { $0.name == state.theme } ?? 0
      state.overlay = .themes(ThemePicker(selected: index))
      return []
    },
    Binding("r", name: "record", help: "Start or end the recording of this session.") { state in
      guard state.recording == nil else { return [.stopRecording] }
      let suggestion = state.facts.model.map { "Work on \($0.name)" } ?? "Recording"
      state.overlay = .recordingTitle(RecordingTitle(suggestion: suggestion))
      return []
    },
    Binding(
      "M", name: "marker", help: "Put a marker into the recording.",
      unless: { $0.recording == nil ? "Nothing is recorded: r starts a recording" : nil }
    ) { state in
      state.say(.information, "Marked")
      return [.mark(title: Screens.current(state).title)]
    },
    Binding(
      "p", name: "pause", help: "Pause the job that runs, or let it go on.", unless: \.isIdle
    ) { state in state.togglePause() },
    Binding(
      "X", name: "cancel job", help: "Cancel the job that runs, after a question.",
      unless: \.isIdle
    ) { state in
      state.askToCancel()
      return []
    },
    Binding(
      ":", name: "palette", help: "Search everything that can be done, by name.", isHint: true
    ) {
      state in
      state.overlay = .palette(Palette())
      return []
    },
    Binding("?", name: "help", help: "Show all keys and what this screen is for.", isHint: true) {
      state in
      state.overlay = .help(HelpPage(screen: state.screen))
      return []
    },
    Binding("W", name: "words", help: "Explain the words on this screen.") { state in
      [.openGlossary(language: state.lesson?.lesson.language ?? state.catalog.language)]
    },
    Binding("ctrl+l", name: "redraw", help: "Draw the whole screen again.") { _ in [.redraw] },
  ]

  private static let leaving: [Binding] = [
    Binding("esc", name: "back", help: "Close what is open; dismiss messages.") { state in
      state.notices = []
      return []
    },
    Binding("ctrl+z", name: "suspend", help: "Go back to the shell; fg returns here.") { _ in
      [.suspend]
    },
    Binding("q", "ctrl+c", name: "quit", help: "Quit; asks first while a job runs.", isHint: true) {
      state in state.askToQuit()
    },
  ]

  /// A key that goes along the walk.
  private static func walking(
    _ key: String, name: String, help: String, _ direction: Int
  ) -> Binding {
    Binding(
      key, name: name, help: help,
      unless: { state in
        guard next(state, direction) == nil else { return nil }
        return
          "\(Screens.current(state).title) is the \(direction > 0 ? "last" : "first") screen here"
      }
    ) { state in
      if let id = next(state, direction) { state.show(id) }
      return []
    }
  }

  /// The next screen of the walk in a direction; from a screen outside the walk only the way back to its end.
  private static func next(_ state: State, _ direction: Int) -> String? {
    let index = (Screens.all.firstIndex { $0.id == state.screen } ?? 0) + direction
    return Screens.walk.indices.contains(index) ? Screens.walk[index].id : nil
  }
}
