package import Engine
package import TerminalUI
package import Workbench

/// The workbench without a terminal: a model is opened, keys are pressed, each job is waited for, and what a screen shows then is
/// there as text.
package struct StillScreen {
  private var store: Store
  private let laboratory: Laboratory
  private let reply: (JobEvent) -> Void
  private var time = 0

  /// - Parameters:
  ///   - catalog: what can be chosen from.
  ///   - reply: is told what jobs say.
  package init(
    _ laboratory: Laboratory, catalog: CatalogSource, size: Size, theme: String? = nil,
    reply: @escaping (JobEvent) -> Void = { _ in }
  ) {
    var state = State(size: size)
    if let theme { state.theme = theme }
    store = Store(state: state)
    self.laboratory = laboratory
    self.reply = reply
    for message in catalog.messages() { send(message) }
  }

  package var state: State { store.state }

  /// Opens a model, or the built-in one.
  ///
  /// - Returns: why it could not be opened; nil where it is open.
  package mutating func open(_ model: String?, against base: String? = nil) -> String? {
    send(.launch(model: model, against: base))
    guard store.state.facts.model == nil else { return nil }
    return store.state.notices.last?.text ?? "the model is not open"
  }

  /// Goes to a screen by its name.
  ///
  /// - Returns: whether there is one.
  package mutating func show(_ name: String) -> Bool {
    let wanted = name.lowercased()
    guard
      let screen = Screens.all.first(where: {
        $0.id == wanted || $0.title.lowercased() == wanted
      }), let press = KeyPress(name: screen.shortcut.key)
    else { return false }
    if store.state.overlay == nil { self.press(press) }
    return true
  }

  /// Presses a key, and waits for what it starts.
  package mutating func press(_ press: KeyPress) { send(.key(press)) }

  /// The screen as it is now.
  package func picture(_ look: Look) -> CellBuffer {
    var buffer = look.buffer(store.state.size)
    WorkbenchView.draw(store.state, into: &buffer, look: look)
    return buffer
  }

  private mutating func send(_ message: Message) {
    time += 40
    for case .run(let id, let request) in store.send(message, at: time) {
      let told = ToldEvents(keepsParts: true)
      laboratory.run(request, id: id, control: JobControl(), resuming: .never) { told.add($0) }
      for event in told.events {
        reply(event)
        send(.job(event: event))
      }
    }
  }
}
