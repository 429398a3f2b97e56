import Engine
import TerminalUI
import Wording

/// Applies a message to the state and tells what is to be done outside.
///
/// Pure: the same state and message always give the same state and effects. There is no clock, no
/// random number and no file here; what `update` knows of the world came in messages.
package func update(_ state: inout State, _ message: Message) -> [Effect] {
  let visits = state.visits
  var effects: [Effect]
  if case .tick = message {
    effects = applied(message, to: &state)
  } else {
    let (choices, past, model) = (state.choices, state.past, state.facts.model?.path)
    effects = applied(message, to: &state)
    // What was taken back is not to be remembered.
    if state.past == past { state.remember(choices, model: model) }
  }
  if state.visits != visits { effects += Screens.current(state).appeared(&state) }
  if state.lesson != nil {
    if case .tick = message { return effects }
    effects += state.settleLesson(message)
  }
  return effects
}

private func applied(_ message: Message, to state: inout State) -> [Effect] {
  switch message {
  case .launch(let model, let against):
    return state.start(LoadJob(path: model, against: against)) + state.start(MachineJob())
  case .tick(let milliseconds):
    state.now = max(state.now, milliseconds)
    let now = state.now
    state.notices.removeAll { now - $0.since > $0.lifetime }
    return Screens.current(state).ticked(&state)
  case .input(let event): return Dispatch.handle(event, &state)
  case .job(let event):
    let effects = state.apply(event)
    guard let job = state.jobs[event.id] else { return effects }
    for screen in Screens.all { screen.heard(event, of: job, &state) }
    return effects
  case .catalog(let part):
    state.catalog.apply(part)
    return []
  case .recording(let path):
    state.recording = path
    // Recordings of earlier programs began without the question.
    if case .recordingTitle = state.overlay { state.overlay = nil }
    let began = Quantity.ago(Double(state.now) / 1000)
    state.say(
      .information,
      path.map { path in
        let name = path.split(separator: "/").last.map(String.init) ?? path
        return "Recording to \(name), from when the program began, \(began)"
      } ?? "Recording ended")
    return []
  case .lesson(let event): return state.take(event)
  case .glossary(let terms):
    state.overlay = .glossary(GlossaryPage(terms: terms))
    return []
  case .paths(let listing):
    if case .edit(var field) = state.overlay {
      field.take(listing)
      state.overlay = .edit(field)
    }
    return []
  case .readOnly(let reason):
    state.readOnly = reason
    return []
  case .notice(let kind, let text):
    state.say(kind, text)
    return []
  }
}
