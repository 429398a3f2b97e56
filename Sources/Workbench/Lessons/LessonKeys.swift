import TerminalUI

/// The keys of a lesson, which come before those of the screen: `]` and `[` always, Enter and digits while the panel has the
/// keyboard.
enum LessonKeys {
  /// What the keys do at the stop that is shown; none without a lesson.
  static func bindings(_ state: State) -> [Binding] {
    guard let run = state.lesson, state.overlay == nil else { return [] }
    var bindings = run.hasKeyboard ? asking(run, state) : []
    bindings += [forth(run), back, leaving]
    return bindings
  }

  /// For the test that every key is one.
  static var all: [Binding] {
    [forth(nil), back, leaving, giving, erasing] + digits.map { choosing($0) }
  }

  private static let digits = 1...9

  private static func forth(_ run: LessonRun?) -> Binding {
    let waits = run.map { !$0.isSettled } ?? false
    let hasHint =
      run.map { $0.stop.kind == .do && $0.stop.text.hint != nil && !$0.showsHint } ?? false
    return Binding(
      "]", name: !waits ? "go on" : hasHint ? "hint" : "skip",
      help: "Go on in the lesson; a task or a question is left open."
    ) { state in onward(&state) }
  }

  /// Goes on; at a task that is open the hint comes first, at a measurement what was recorded.
  private static func onward(_ state: inout State) -> [Effect] {
    guard let run = state.lesson else { return [] }
    if run.stop.kind == .do, !run.isSettled, run.stop.text.hint != nil, !run.showsHint {
      state.lesson?.showsHint = true
      state.lesson?.page = 0
      return []
    }
    if run.stop.kind == .measure, !run.isSettled, run.stop.session != nil {
      return state.standInForMeasurement()
    }
    return state.goOnInLesson(pages: LessonPanel.pages(state))
  }

  private static let back = Binding(
    "[", name: "back", help: "Go back in the lesson.",
    unless: {
      ($0.lesson?.index ?? 0) + ($0.lesson?.page ?? 0) == 0 ? "This is where it begins" : nil
    }
  ) { state in state.goBackInLesson() }

  private static let leaving = Binding(
    "ctrl+x", name: "leave the lesson", help: "Leave the lesson; what you answered is kept."
  ) { state in
    let lesson = state.lesson?.lesson
    let effects = state.leaveLesson()
    state.say(
      .information, PanelWords.left(lesson?.title ?? "", in: lesson?.language ?? "en"))
    return effects
  }

  /// Enter, digits and what a number is typed with.
  private static func asking(_ run: LessonRun, _ state: State) -> [Binding] {
    let lastPage = run.page >= LessonPanel.pages(state) - 1
    let isOpen = run.record.answer == nil
    switch run.stop.kind {
    case .predict where isOpen, .ask where isOpen:
      switch run.stop.kind == .ask ? .choice : run.stop.guess ?? .choice {
      case .choice:
        let choosing = digits.prefix(run.stop.choices.count).map { Self.choosing($0) }
        return lastPage ? choosing : choosing + [onEnter]
      case .number: return (0...9).map { typing("\($0)") } + [typing("."), erasing, giving]
      case .cell: return [giving]
      }
    case .measure where !run.record.isDone: return lastPage ? [measuring] : [onEnter]
    case .watch where !run.record.isDone: return lastPage ? [watching] : [onEnter]
    case .say, .ask, .predict, .measure, .watch, .do, .free: return [onEnter]
    }
  }

  private static let onEnter = Binding("enter", name: "go on", help: "Go on in the lesson.") {
    state in
    state.goOnInLesson(pages: LessonPanel.pages(state))
  }

  private static func choosing(_ number: Int) -> Binding {
    Binding("\(number)", name: "answer \(number)", help: "Give this answer.") { state in
      guard let choices = state.lesson?.stop.choices, choices.indices.contains(number - 1) else {
        return []
      }
      return state.answerInLesson(.text(choices[number - 1].id))
    }
  }

  private static func typing(_ text: String) -> Binding {
    Binding(text, name: text, help: "Type the number you expect.") { state in
      if let draft = state.lesson?.draft, draft.count < 12 { state.lesson?.draft = draft + text }
      return []
    }
  }

  private static let erasing = Binding(
    "backspace", name: "erase", help: "Take the last digit back."
  ) { state in
    let draft = state.lesson?.draft ?? ""
    state.lesson?.draft = String(draft.dropLast())
    return []
  }

  private static let giving = Binding(
    "enter", name: "give the answer",
    help: "Give the number, or the cell under the cursor, as the answer."
  ) { state in
    guard let run = state.lesson else { return [] }
    if run.stop.guess == .cell {
      guard let cell = LessonFigures(state: state)["heatmap.cell"] else {
        let words = "There is no map yet whose cell could be meant"
        state.say(.information, PanelWords.of(words, in: run.lesson.language))
        return []
      }
      return state.answerInLesson(cell)
    }
    guard let number = Double(run.draft) else {
      state.say(.information, "Expected a number, found \"\(run.draft)\"")
      return []
    }
    return state.answerInLesson(.number(number))
  }

  private static let measuring = Binding(
    "enter", name: "measure", help: "Measure it on this machine.",
    unless: { $0.cannotMeasure }
  ) { state in state.measureInLesson() }

  private static let watching = Binding(
    "enter", name: "watch", help: "Watch the recorded stretch."
  ) { state in
    guard let stop = state.lesson?.stop, let session = stop.session else { return [] }
    return [.watch(session: session, from: stop.from ?? 0, to: stop.to)]
  }
}
