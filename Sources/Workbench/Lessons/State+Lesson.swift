import Engine
import Planning
import Quantization
import TerminalUI

/// How a lesson goes on: coming to a stop, answering, measuring, keeping what was found.
extension State {
  /// Takes in what happened to the lesson from outside.
  mutating func take(_ event: LessonEvent) -> [Effect] {
    switch event {
    case .begin(let lesson, let before):
      guard !lesson.stops.isEmpty else { return [] }
      overlay = nil
      self.lesson = LessonRun(lesson, before: before)
      self.lesson?.since = now
      LessonJobs.fit(lesson.sizes, &self)
      return openModel(lesson.model) + arrive()
    case .watched:
      lesson?.record.isDone = true
      return keepLesson()
    case .stoodIn(let session, let reports):
      for case .finished(_, let report) in reports {
        if let kind = Jobs.all.first(where: { $0.name == report.job }) { take(report, of: kind) }
      }
      lesson?.record.isRecorded = true
      lesson?.failure = nil
      lesson?.waitsFor = []
      let language = lesson?.lesson.language ?? "en"
      say(.information, PanelWords.recorded(session, in: language))
      return finishMeasuring()
    case .lacking(let reason):
      say(.problem, reason)
      return []
    case .left: return leaveLesson()
    case .presenting:
      isPresenting = true
      return []
    }
  }

  /// Lessons are about the built-in model, or that of a class: it is opened unless it is, or soon will be.
  private mutating func openModel(_ path: String?) -> [Effect] {
    let isOpening = jobs.latest(LoadJob.self).map { !$0.status.isOver } ?? false
    let isAsItIs = facts.model?.planted == nil && facts.model?.rotated == nil
    guard facts.model?.path != path ?? LoadJob.builtIn || !isAsItIs,
      !isOpening || facts.model != nil
    else { return [] }
    return start(LoadJob(path: path))
  }

  private mutating func take<Kind: Job>(_ report: JobPayload, of kind: Kind.Type) {
    if let value = report.value as? Kind.Report { facts.reports[kind] = value }
  }

  /// Ends the lesson; what was answered is kept.
  mutating func leaveLesson() -> [Effect] {
    let effects = keepLesson()
    lesson = nil
    return effects
  }

  /// The next page, the next stop, or the end of the lesson.
  mutating func goOnInLesson(pages: Int) -> [Effect] {
    guard let run = lesson else { return [] }
    if run.page < pages - 1 {
      lesson?.page += 1
      return []
    }
    var effects: [Effect] = []
    if run.stop.kind == .free { effects += comeHome() }
    if !run.isSettled { lesson?.record.isSkipped = true }
    if run.stop.kind == .say || run.stop.kind == .free { lesson?.record.isDone = true }
    effects += keepFigures(of: run.stop) + keepLesson()
    guard !run.isLast else {
      effects += leaveLesson()
      say(.done, PanelWords.ended(run.lesson.title, in: run.lesson.language))
      show(LessonsScreen.id)
      return effects
    }
    lesson?.index += 1
    return effects + arrive()
  }

  /// The page or the stop before.
  mutating func goBackInLesson() -> [Effect] {
    guard let run = lesson else { return [] }
    guard run.page == 0 else {
      lesson?.page -= 1
      return []
    }
    guard run.index > 0 else { return [] }
    var effects: [Effect] = []
    if run.stop.kind == .free { effects += comeHome() }
    lesson?.index -= 1
    return effects + arrive()
  }

  /// Comes to the stop: shows its screen, sets what it asks for.
  private mutating func arrive() -> [Effect] {
    guard let stop = lesson?.stop else { return [] }
    lesson?.page = 0
    lesson?.draft = ""
    lesson?.showsHint = false
    lesson?.failure = nil
    if stop.kind == .free {
      let home = LessonHome(choices: choices, views: views, screen: screen)
      lesson?.home = home
    }
    let effects = prepare(stop)
    if let screen = stop.screen, screen != self.screen { show(screen) }
    for guess in stop.reveals { reveal(guess) }
    return effects
  }

  /// Sets workload and recipe as a stop asks for.
  private mutating func prepare(_ stop: LessonStop) -> [Effect] {
    var effects: [Effect] = []
    if let wanted = stop.workload, lesson?.record.isDone != true {
      if let context = wanted["context"] { choices.workload.context = max(1, context) }
      if let requests = wanted["requests"] { choices.workload.requests = max(1, requests) }
      if let prompt = wanted["prompt"] { choices.workload.promptTokens = max(1, prompt) }
      if let generate = wanted["generate"] { choices.workload.generatedTokens = max(1, generate) }
      effects += replan()
    }
    if let line = stop.recipe, stop.kind != .measure,
      let recipe = LessonJobs.recipe(line, keeping: choices.recipe), recipe != choices.recipe
    {
      choices.recipe = recipe
      effects += reassess()
    }
    return effects
  }

  /// Judges a guess, once what it was about is known.
  private mutating func reveal(_ id: String) {
    guard let run = lesson, let stop = run.lesson.stops.first(where: { $0.id == id }),
      let answer = stop.answer, let truth = LessonFigures(state: self).value(answer)
    else { return }
    let known = stop.named(truth)
    lesson?.records[id, default: LessonRecord()].truth = known
    guard let guess = run.records[id]?.answer else { return }
    lesson?.records[id, default: LessonRecord()].isRight = stop.judges(guess, right: known)
  }

  /// Takes an answer to a question or a guess.
  mutating func answerInLesson(_ answer: Figure) -> [Effect] {
    guard let run = lesson, run.record.answer == nil else { return [] }
    lesson?.draft = ""
    lesson?.record.answer = answer
    lesson?.record.isDone = true
    if let left = run.secondsLeft(at: now), left < 0 { lesson?.record.isLate = true }
    reveal(run.stop.id)
    lesson?.page = 0
    return keepFigures(of: run.stop) + keepLesson()
  }

  /// Starts the jobs of a measurement.
  mutating func measureInLesson() -> [Effect] {
    guard let stop = lesson?.stop, stop.kind == .measure else { return [] }
    lesson?.failure = nil
    var effects: [Effect] = []
    if let line = stop.recipe, let recipe = LessonJobs.recipe(line, keeping: choices.recipe) {
      choices.recipe = recipe
      effects += reassess()
    }
    for name in stop.jobs {
      let last = jobs.jobs.last?.id
      effects += LessonJobs.start(name, of: stop, &self) ?? []
      if let id = jobs.jobs.last?.id, id != last { lesson?.waitsFor.append(id) }
    }
    notices.removeAll { $0.text.hasPrefix("Queued:") }
    return effects
  }

  /// Lets recorded figures stand in.
  mutating func standInForMeasurement() -> [Effect] {
    guard let run = lesson, let session = run.stop.session else { return [] }
    let effects = run.waitsFor.filter { jobs[$0]?.status.isOver == false }.map {
      Effect.cancel(id: $0)
    }
    lesson?.waitsFor = []
    return effects + [.standIn(session: session, jobs: run.stop.jobs)]
  }

  /// Looks whether a message has brought the lesson on: a task done, a measurement ended.
  mutating func settleLesson(_ message: Message) -> [Effect] {
    guard let run = lesson else { return [] }
    // Opening a model begins the workload anew.
    if case .job(.finished(_, let report)) = message, report.job == LoadJob.name {
      return prepare(run.stop)
    }
    if case .job(let event) = message, run.waitsFor.contains(event.id), event.endsJob {
      lesson?.waitsFor.removeAll { $0 == event.id }
      switch event {
      case .failed(_, let words):
        lesson?.failure = words
        lesson?.waitsFor = []
      case .cancelled:
        lesson?.failure = "cancelled"
        lesson?.waitsFor = []
      default: break
      }
      if lesson?.waitsFor.isEmpty == true, lesson?.failure == nil { return finishMeasuring() }
      return []
    }
    guard run.stop.kind == .do, !run.record.isDone, let check = run.stop.check,
      LessonFigures(state: self).holds(check)
    else { return [] }
    lesson?.record.isDone = true
    return keepFigures(of: run.stop) + keepLesson()
  }

  private mutating func finishMeasuring() -> [Effect] {
    guard let stop = lesson?.stop else { return [] }
    lesson?.record.isDone = true
    lesson?.page = 0
    let effects = keepFigures(of: stop)
    for guess in stop.reveals { reveal(guess) }
    return effects + keepLesson()
  }

  /// Keeps the figures of a stop, each the first time it is known.
  private mutating func keepFigures(of stop: LessonStop) -> [Effect] {
    let figures = LessonFigures(state: self)
    for keep in stop.keeps {
      guard let value = figures.value(keep.expression) else { continue }
      lesson?.kept[keep.name] = value
      lesson?.records[stop.id, default: LessonRecord()].figures[keep.name] = value
    }
    return []
  }

  /// Asks for what was answered and measured to be written to the learner's file.
  private func keepLesson() -> [Effect] {
    guard let run = lesson else { return [] }
    return [
      .keepProgress(
        lesson: run.lesson.id, language: run.lesson.language, records: run.records,
        isFinished: run.isLast)
    ]
  }

  /// Brings back what was chosen before the learner played.
  private mutating func comeHome() -> [Effect] {
    guard let home = lesson?.home else { return [] }
    lesson?.home = nil
    choices = home.choices
    views = home.views
    if screen != home.screen { show(home.screen) }
    return reassess() + replan()
  }
}

extension LessonStop {
  /// A right answer as the learner would give it: the place of a choice becomes its id.
  func named(_ truth: Figure) -> Figure {
    guard kind == .ask || guess == .choice, case .number(let place) = truth, place >= 0,
      place < Double(choices.count)
    else { return truth }
    return .text(choices[Int(place)].id)
  }

  /// Whether an answer counts as right.
  func judges(_ answer: Figure, right: Figure) -> Bool {
    guard guess == .number, let one = answer.number, let other = right.number else {
      return answer.words() == right.words()
    }
    return abs(one - other) <= abs(other) * within
  }
}

/// What a walk through a lesson has to know.
extension State {
  /// Pages of the stop that is shown.
  package var lessonPages: Int { LessonPanel.pages(self) }

  /// All that the panel says now.
  package var lessonSaid: String {
    LessonPanel.pages(self, width: 76, height: 1000, look: Look()).flatMap { $0 }.map(\.plain)
      .joined(separator: "\n")
  }

  /// What the teacher's notes say of the stop that is shown, its figures filled in.
  package var lessonNotes: String {
    guard let notes = lesson?.stop.text.notes else { return "" }
    return StyledText(markup: LessonFigures(state: self).filled(notes)).plain
  }

  /// The right answer to a stop as far as it is known now: the id of a choice.
  package func lessonAnswer(_ stop: LessonStop) -> String? {
    guard let answer = stop.answer else { return nil }
    return LessonFigures(state: self).value(answer).map { stop.named($0).words() }
  }
}
