import TerminalUI

/// The binding table: what every key does, by scope.
package enum Keymap {
  /// Bindings of one scope, under the heading that help gives it.
  package struct Scope: Sendable {
    package var title: String
    package var bindings: [Binding]
  }

  /// Keys that work on every screen.
  package static let global: [Binding] = movement + going + showing + leaving

  /// All scopes: the global one, then one a screen, then those of overlays.
  package static var scopes: [Scope] {
    [Scope(title: "Everywhere", bindings: global)]
      + Screens.all.map { Scope(title: $0.title, bindings: $0.bindings) }
      + Overlay.scopes
  }

  /// The bindings that a press can meet now: the overlay's, or the screen's and the global ones.
  package static func active(_ state: State) -> [Binding] {
    if let overlay = state.overlay { return overlay.bindings }
    return Screens.current(state).bindings + global
  }

  static func dispatch(_ press: KeyPress, _ state: inout State) -> [Effect] {
    let found = active(state).first { $0.keys.contains(press) }
    if let found, found.isAvailable(state) { return found.action(&state) }
    if state.overlay != nil, found == nil { return Overlay.type(press, &state) }
    return []
  }

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
    Binding("tab", name: "next pane", help: "Move the focus to the next pane.") { state in
      Screens.current(state).focus(1, &state)
      return []
    },
    Binding("shift+tab", name: "previous pane", help: "Move the focus to the pane before.") {
      state in
      Screens.current(state).focus(-1, &state)
      return []
    },
  ]

  private static let going: [Binding] =
    [
      Binding("enter", name: "next", help: "Do the next step of the walk, as the last line says.") {
        state in
        guard let step = Screens.current(state).step(state) else { return [] }
        return step.action(&state)
      },
      Binding("n", name: "next screen", help: "Go to the next screen of the walk.") { state in
        walk(1, &state)
      },
      Binding("N", name: "screen before", help: "Go to the screen before.") { state in
        walk(-1, &state)
      },
    ]
    + Screens.all.prefix(Screens.walk).enumerated().map { index, screen in
      Binding(
        "\(index + 1)", name: "\(screen.title)", help: "Go to \(screen.title): \(screen.question)"
      ) { state in state.show(screen.id) }
    }
    + [
      Binding("S", name: "sessions", help: "Browse recorded sessions.") { state in
        state.show(SessionsScreen.id)
      },
      Binding("L", name: "lessons", help: "Browse the lessons.") { state in
        state.show(LessonsScreen.id)
      },
      Binding("B", name: "budget", help: "Spend a budget of bits: which layer gets how many.") {
        state in state.show(BudgetScreen.id)
      },
      Binding(
        "O", name: "outliers",
        help: "See which channels of the activations stand out, and what each method makes of it."
      ) { state in state.show(OutlierScreen.id) },
      Binding(
        "K", name: "caches",
        help: "Compare KV caches: bytes, quality at depth, and which heads lose most."
      ) { state in state.show(CacheScreen.id) },
      Binding(
        "C", name: "batches",
        help: "Find the crossover: at which batch which form decodes fastest, and what binds it."
      ) { state in state.show(BatchScreen.id) },
      Binding(
        "P", name: "providers",
        help: "See why a quantized model is not faster: every provider, and kernels taken away."
      ) { state in state.show(ProviderScreen.id) },
    ]

  private static let showing: [Binding] = [
    Binding("t", name: "themes", help: "Choose a theme; it is tried on as you move.") { state in
      ThemePicker.open(&state)
      return []
    },
    Binding("r", name: "record", help: "Start or end the recording of this session.") { state in
      [state.recording == nil ? .startRecording : .stopRecording]
    },
    Binding(
      "M", name: "marker", help: "Put a marker into the recording.",
      when: { $0.recording != nil }
    ) { state in
      state.say(.information, "Marked")
      return [.mark(title: Screens.current(state).title)]
    },
    Binding("p", name: "pause", help: "Pause the job that runs, or let it go on.") { state in
      state.togglePause()
    },
    Binding("X", name: "cancel job", help: "Cancel the job that runs, after a question.") { state in
      guard let active = state.jobs.active else { return [] }
      state.overlay = .confirm(Confirmation(.cancel(id: active.id), title: active.title))
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

  /// Goes along the walk.
  private static func walk(_ direction: Int, _ state: inout State) -> [Effect] {
    let index = (Screens.index(state.screen) ?? 0) + direction
    guard index >= 0, index < Screens.walk else { return [] }
    return state.show(Screens.all[index].id)
  }
}

extension State {
  /// Pauses or resumes the job that runs.
  mutating func togglePause() -> [Effect] {
    guard let active = jobs.active else { return [] }
    let pauses = active.status == .running
    jobs.setPaused(pauses, active.id)
    return [pauses ? .pause(id: active.id) : .resume(id: active.id)]
  }

  mutating func askToQuit() -> [Effect] {
    guard let active = jobs.active else { return [.quit] }
    overlay = .confirm(Confirmation(.quit, title: active.title))
    return []
  }
}
