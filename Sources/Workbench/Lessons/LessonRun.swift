package import Engine

/// Where the learner is in a lesson, and what was answered, done and measured on the way.
package struct LessonRun: Hashable, Sendable {
  package var lesson: Lesson
  /// The stop that is shown.
  package internal(set) var index = 0
  /// The page of its text.
  package internal(set) var page = 0
  /// A number while it is typed.
  package internal(set) var draft = ""
  package internal(set) var showsHint = false
  /// How each stop went, by its id.
  package internal(set) var records: [String: LessonRecord] = [:]
  /// Figures kept on the way, by name.
  package internal(set) var kept: [String: Figure] = [:]
  /// How stops of other lessons went, by lesson.
  package internal(set) var before: [String: [String: LessonRecord]] = [:]
  /// Jobs of a measurement that have not ended.
  var waitsFor: [JobID] = []
  /// Why a measurement did not come to an end.
  package internal(set) var failure: String?
  /// What was chosen when the learner began to play.
  var home: LessonHome?
  /// When the lesson began, in milliseconds of `State.now`.
  package internal(set) var since = 0

  package init(_ lesson: Lesson, before: [String: [String: LessonRecord]] = [:]) {
    self.lesson = lesson
    self.before = before
  }

  /// Seconds that are left where a class sets a limit; below zero when it is over.
  package func secondsLeft(at now: Int) -> Int? {
    lesson.limit.map { $0 - max(0, now - since) / 1000 }
  }

  /// The stop that is shown.
  package var stop: LessonStop { lesson.stops[min(max(0, index), lesson.stops.count - 1)] }
  package var isLast: Bool { index >= lesson.stops.count - 1 }

  /// How the stop that is shown went so far.
  package internal(set) var record: LessonRecord {
    get { records[stop.id] ?? LessonRecord() }
    set { records[stop.id] = newValue }
  }

  /// Whether Enter and digits are the lesson's; at a task and while playing they are the workbench's.
  package var hasKeyboard: Bool {
    switch stop.kind {
    case .do, .free: false
    case .say, .watch, .ask: true
    case .measure: waitsFor.isEmpty
    case .predict: true
    }
  }

  /// Whether the learner can go on as the stop asks for.
  package var isSettled: Bool {
    switch stop.kind {
    case .say, .free: true
    case .predict, .ask: record.answer != nil
    case .do, .measure, .watch: record.isDone
    }
  }
}

/// What came of one stop.
package struct LessonRecord: Hashable, Sendable, Codable {
  /// The learner's answer: the id of a choice, a number, the name of a cell.
  package var answer: Figure?
  /// What was right, once it is known.
  package var truth: Figure?
  package var isRight: Bool?
  package var isDone = false
  package var isSkipped = false
  /// Whether recorded figures stood in for measured ones.
  package var isRecorded = false
  /// Whether the answer came after the time that a class gives.
  package var isLate: Bool?
  /// What was measured at the stop.
  package var figures: [String: Figure] = [:]

  package init() {}
}

/// What the learner comes back to after having played.
struct LessonHome: Hashable, Sendable {
  var choices: Choices
  var views: RoomStore
  var screen: String
}

/// What happens to a lesson from outside.
package enum LessonEvent: Hashable, Sendable, Codable {
  /// A lesson begins; `before` tells how earlier ones went.
  indirect case begin(lesson: Lesson, before: [String: [String: LessonRecord]])
  /// The stretch of a session was watched.
  case watched
  /// Recorded reports stand in for those of a measurement, each as the event that told it.
  case stoodIn(session: String, reports: [JobEvent])
  /// Recorded figures cannot be taken.
  case lacking(reason: String)
  case left
  /// The lesson is shown to a room: no lines but the screen and what is said.
  case presenting
}
