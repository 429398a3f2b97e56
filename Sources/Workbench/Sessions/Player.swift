import TerminalUI

/// Plays a session: forwards and back, at any speed, to any point; effects are dropped, so nothing is run.
///
/// In a lesson it stops at narration, lets the learner try a task on a copy of the state, and asks its questions. Going anywhere
/// is going forward from the nearest entrance before it.
package struct Player: Sendable {
  /// What the player waits for.
  package enum Waiting: Hashable, Sendable {
    case narration
    case task(LessonTask)
    case question(LessonQuestion)
  }

  package let session: Session
  /// Lines that are applied.
  package private(set) var index = 0
  /// The state after them.
  package private(set) var state: State
  /// Milliseconds into the session.
  package private(set) var position = 0.0
  package var isPlaying = false
  package private(set) var speed = 1.0
  /// Whether pauses in the recording are shortened while it plays.
  package var capsPauses = true
  /// Whether it begins again at its end.
  package var loops = false
  /// Whether the keys are shown.
  package var showsHelp = false
  /// The last narration or note.
  package private(set) var caption: String?
  package private(set) var waiting: Waiting?
  /// The learner's own copy of the state while a task is open.
  package private(set) var sandbox: State?
  /// What was said about the last answer or task.
  package private(set) var verdict: Answer?
  private var pressed: [KeyPress] = []
  private let entrances: SessionIndex

  /// How an exercise went.
  package struct Answer: Hashable, Sendable {
    package var isRight: Bool
    package var text: String
  }

  /// The speeds that `+` and `-` go through.
  package static let speeds = [0.25, 0.5, 1, 2, 4, 8, 16]
  /// Pauses in a recording are shortened to this many milliseconds while it plays.
  package static let longestIdle = 3000.0

  /// Opens a session; it is walked through once, so that every point of it is near an entrance.
  package init(_ session: Session) {
    self.session = session
    entrances = SessionIndex(session)
    state = entrances.entrance(before: 0).state
  }

  package var isLesson: Bool { session.header.kind == .lesson }
  package var isAtEnd: Bool { index >= session.lines.count }
  /// The state to draw: the learner's copy while a task is open.
  package var shown: State { sandbox ?? state }
  /// Milliseconds of the whole session.
  package var length: Double { Double(session.milliseconds) }

  /// Lets time pass.
  ///
  /// - Parameter milliseconds: of real time since the last call.
  package mutating func advance(milliseconds: Int) {
    guard isPlaying, waiting == nil, milliseconds > 0 else { return }
    var left = Double(milliseconds) * speed
    while left > 0, !isAtEnd, waiting == nil {
      let due = Double(session.lines[index].at)
      if capsPauses, due - position > Self.longestIdle { position = due - Self.longestIdle }
      guard due <= position + left else {
        position += left
        return
      }
      left -= max(0, due - position)
      position = max(position, due)
      apply(stops: true)
    }
    guard isAtEnd else { return }
    if loops, length > 0, waiting == nil { seek(to: 0) } else { isPlaying = false }
  }

  /// Goes to the next line that changes what is seen.
  package mutating func stepForward() {
    isPlaying = false
    dismiss()
    guard !isAtEnd else { return }
    apply(stops: true)
    while !isAtEnd, waiting == nil, isQuiet(session.lines[index - 1]) { apply(stops: true) }
    position = Double(session.lines[max(0, index - 1)].at)
  }

  /// Goes back one such line.
  package mutating func stepBack() {
    isPlaying = false
    var target = index - 1
    while target > 0, isQuiet(session.lines[target - 1]) { target -= 1 }
    go(toLine: max(0, target))
  }

  /// Goes to a time, in milliseconds.
  package mutating func seek(to milliseconds: Double) {
    let goal = min(max(0, milliseconds.isNaN ? 0 : milliseconds), length)
    let target = session.lines.partitioningIndex { Double($0.at) > goal }
    go(toLine: target)
    position = goal
  }

  /// Goes to a tenth of the session, 0 to 9.
  package mutating func goTo(tenth: Int) { seek(to: length * Double(min(max(0, tenth), 9)) / 10) }

  /// Goes to the marker after (+1) or before (-1) this point.
  package mutating func jump(_ direction: Int) {
    let times = session.markers.map { Double($0.at) }
    let target =
      direction > 0
      ? times.first { $0 > position + 1 } ?? length : times.last { $0 < position - 1 } ?? 0
    seek(to: target)
  }

  /// The next speed up (+1) or down (-1).
  package mutating func changeSpeed(_ direction: Int) {
    let place = Self.speeds.firstIndex { $0 >= speed } ?? 2
    speed = Self.speeds[min(max(0, place + direction), Self.speeds.count - 1)]
  }

  package mutating func resetSpeed() { speed = 1 }

  /// Takes over: the state at this point, and the lines that led to it, for a store of its own.
  package func fork() -> Store {
    var journal: [[UInt8]] = []
    for line in session.lines.prefix(index) {
      guard case .message(let message) = line.item else { continue }
      // A message that was read can be written again; one that cannot is no use to a replay either.
      journal += (try? SessionCodec.lines(of: message, at: line.at)) ?? []
    }
    return Store(state: shown, journal: journal, at: Int(position))
  }

  // MARK: - Lessons

  /// Goes on after narration, a solved task or an answered question.
  package mutating func proceed() {
    switch waiting {
    case .narration, nil: break
    case .task, .question: guard verdict?.isRight == true else { return }
    }
    dismiss()
    isPlaying = true
  }

  /// Leaves an exercise undone.
  package mutating func skip() {
    dismiss()
    isPlaying = true
  }

  /// Gives an answer, counted from 0.
  package mutating func answer(_ choice: Int) {
    guard case .question(let question) = waiting, question.choices.indices.contains(choice) else {
      return
    }
    let isRight = choice == question.answer
    verdict = Answer(
      isRight: isRight, text: isRight ? question.why : "Not quite: \(question.choices[choice])")
  }

  /// Hands a message to the learner's copy of the state while a task is open.
  package mutating func practise(_ message: Message) {
    guard case .task(let task) = waiting, var copy = sandbox else { return }
    if case .input(.key(let press)) = message { pressed.append(press) }
    _ = update(&copy, message)
    sandbox = copy
    if task.goal.isMet(by: copy, pressed: pressed) {
      verdict = Answer(isRight: true, text: "Done.")
    }
  }

  private mutating func dismiss() {
    waiting = nil
    sandbox = nil
    verdict = nil
    pressed = []
  }

  // MARK: - Lines

  /// Applies the next line.
  private mutating func apply(stops: Bool) {
    let line = session.lines[index]
    index += 1
    switch line.item {
    case .message(let message): _ = update(&state, message)
    case .say(let text), .note(let text):
      caption = text
      if stops, isLesson, case .say = line.item { waiting = .narration }
    case .task(let task):
      guard stops else { break }
      waiting = .task(task)
      sandbox = state
    case .question(let question):
      guard stops else { break }
      waiting = .question(question)
    case .marker, .part, .unknown: break
    }
  }

  /// Goes to the state after `count` lines.
  private mutating func go(toLine count: Int) {
    dismiss()
    let count = min(max(0, count), session.lines.count)
    let entrance = entrances.entrance(before: count)
    if count < index || entrance.index > index {
      index = entrance.index
      state = entrance.state
      caption = entrance.caption
    }
    while index < count { apply(stops: false) }
    position = index > 0 ? Double(session.lines[index - 1].at) : 0
  }

  /// Whether a line alone is not worth a step.
  private func isQuiet(_ line: SessionLine) -> Bool {
    if case .message(.tick) = line.item { true } else { false }
  }
}

extension Array {
  /// The first index whose element satisfies `test`, given that all after it do too.
  fileprivate func partitioningIndex(where test: (Element) -> Bool) -> Int {
    var first = 0
    var last = count
    while first < last {
      let middle = first + (last - first) / 2
      if test(self[middle]) { last = middle } else { first = middle + 1 }
    }
    return first
  }
}
