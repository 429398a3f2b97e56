import Engine
package import TerminalUI
package import Workbench

/// A learner made of rules who takes a lesson to its end with the real engine and without a terminal: for tests, and for those
/// who write lessons.
package struct LessonWalk {
  /// How the learner behaves.
  package enum Learner: Hashable, Sendable, CaseIterable {
    /// Gives right answers and does every task.
    case right
    /// Gives wrong answers, skips tasks and takes recorded figures where there are any.
    case wrong
    /// Goes back from every stop and comes again, then does what `right` does.
    case wandering
  }

  /// What was seen.
  package struct Outcome: Sendable {
    /// The screens of each stop as it was come to, by its id, a text for each size.
    package var screens: [(stop: String, texts: [String])] = []
    /// What the panel said at each stop, all of its pages.
    package var said: [(stop: String, text: String)] = []
    /// The states that each stop was seen in, for whoever draws it otherwise.
    package var states: [(stop: String, state: State)] = []
    package var records: [String: LessonRecord] = [:]
    /// What did not go as the lesson says.
    package var problems: [String] = []
    package var isFinished = false
  }

  private var store: Store
  private let engine: LessonEngine
  private let desk: LessonDesk
  private let learner: Learner
  private let sizes: [Size]
  private var time = 0
  private var outcome = Outcome()

  package init(
    engine: LessonEngine, desk: LessonDesk = LessonDesk(), learner: Learner = .right,
    sizes: [Size] = [Size(width: 80, height: 24)]
  ) {
    self.engine = engine
    self.desk = desk
    self.learner = learner
    self.sizes = sizes
    store = Store(state: State(size: sizes.first ?? Size(width: 80, height: 24)))
  }

  /// Takes a lesson from its first stop to its last.
  package mutating func take(
    _ lesson: Lesson, before: [String: [String: LessonRecord]] = [:]
  ) -> Outcome {
    engine.begin()
    for message in engine.catalog { send(message) }
    send(.launch(model: nil))
    send(.lesson(event: .begin(lesson: lesson, before: before)))
    var left = lesson.stops.count * 12
    while let run = store.state.lesson, left > 0 {
      left -= 1
      look(run)
      if learner == .wandering, run.index > 0 {
        press("[")
        while let now = store.state.lesson, now.index < run.index { press("]") }
      }
      visit(run)
      if store.state.lesson?.index == run.index { leave(run) }
    }
    outcome.isFinished = store.state.lesson == nil
    return outcome
  }

  private mutating func look(_ run: LessonRun) {
    outcome.said.append((run.stop.id, store.state.lessonSaid))
    outcome.states.append((run.stop.id, store.state))
    outcome.screens.append(
      (run.stop.id, sizes.map { WorkbenchView.text(store.state, size: $0) }))
  }

  /// Does what the stop asks for.
  private mutating func visit(_ run: LessonRun) {
    let stop = run.stop
    switch stop.kind {
    case .say, .free: break
    case .watch: press("enter")
    case .ask, .predict:
      guard run.record.answer == nil else { break }
      answer(stop)
    case .do:
      guard learner != .wrong else { break }
      for key in stop.way { press(key) }
      if store.state.lesson?.record.isDone != true {
        outcome.problems.append(
          "\(stop.id): after \(stop.way.joined(separator: " ")) the check does not hold")
      }
    case .measure:
      if learner == .wrong, stop.session != nil {
        press("]")
      } else {
        turnPages()
        press("enter")
      }
      if let failure = store.state.lesson?.failure {
        outcome.problems.append("\(stop.id): \(failure)")
      }
      if store.state.lesson?.record.isDone != true {
        outcome.problems.append("\(stop.id): it was not measured")
      }
      for keep in stop.keeps where store.state.lesson?.kept[keep.name] == nil {
        outcome.problems.append("\(stop.id): '\(keep.expression)' is nothing")
      }
    }
    if let record = store.state.lesson?.record { outcome.records[stop.id] = record }
    if let run = store.state.lesson, run.stop.id == stop.id, run.record.isDone { look(run) }
  }

  /// Goes to the last page of the text, where answers are taken.
  private mutating func turnPages() {
    var left = 20
    while left > 0, let run = store.state.lesson, run.page < store.state.lessonPages - 1 {
      left -= 1
      press("enter")
    }
  }

  private mutating func answer(_ stop: LessonStop) {
    turnPages()
    switch stop.kind == .ask ? .choice : stop.guess ?? .choice {
    case .choice:
      let right = store.state.lessonAnswer(stop)
      let index = stop.choices.firstIndex { ($0.id == right) == (learner != .wrong) } ?? 0
      press("\(index + 1)")
    case .number:
      for letter in learner == .wrong ? "9999999" : "1" { press(String(letter)) }
      press("enter")
    case .cell: press("enter")
    }
    if store.state.lesson?.records[stop.id]?.answer == nil {
      outcome.problems.append("\(stop.id): no answer was taken")
    }
  }

  /// Goes on to the next stop.
  private mutating func leave(_ run: LessonRun) {
    var left = 20
    while left > 0, let now = store.state.lesson, now.index == run.index {
      left -= 1
      press("]")
    }
    if left == 0 { outcome.problems.append("\(run.stop.id): ] does not go on") }
  }

  private mutating func press(_ name: String) {
    guard let key = KeyPress(name: name) else {
      for letter in name { send(.key(.character(letter))) }
      return
    }
    send(.key(key))
  }

  private mutating func send(_ message: Message) {
    time += 40
    for effect in store.send(message, at: time) {
      switch effect {
      case .run(let id, let request):
        for event in engine.events(id, request) { send(.job(event: event)) }
      case .watch: send(.lesson(event: .watched))
      case .openLesson, .keepProgress, .standIn, .openGlossary:
        for message in desk.messages(for: effect, store.state) { send(message) }
      default: break
      }
    }
  }
}
