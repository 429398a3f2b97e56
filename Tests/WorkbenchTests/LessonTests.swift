import Engine
import Evaluation
import TerminalUI
import TestSupport
import Testing
import Workbench

/// A lesson in the workbench: its stops, its keys, and what it keeps.
@Suite struct LessonTests {
  static func stop(
    _ id: String, _ kind: LessonStop.Kind, _ change: (inout LessonStop) -> Void = { _ in }
  ) -> LessonStop {
    var stop = LessonStop(id: id, kind: kind)
    stop.text.body = "Body of \(id)."
    change(&stop)
    return stop
  }

  static let choices = [
    LessonChoice(id: "x", label: "Ex", why: "Because."),
    LessonChoice(id: "y", label: "Why", why: "No."),
  ]

  static let lesson = Lesson(
    id: "sample", number: 1, title: "Sample",
    stops: [
      stop("hello", .say) {
        $0.screen = TargetScreen.id
        $0.text.body = "Weights {{plan.memory.weights|bytes}}, nothing {{kept.none}}."
      },
      stop("ask", .ask) {
        $0.choices = choices
        $0.answer = "'x'"
      },
      stop("guess", .predict) {
        $0.guess = .number
        $0.answer = "kept.kl * 10"
        $0.within = 0.5
      },
      stop("do", .do) {
        $0.check = "workload.requests >= 4"
        $0.text.hint = "A hint."
        $0.text.done = "It is {{workload.requests}}."
      },
      stop("measure", .measure) {
        $0.recipe = "weights=rtn:4:64"
        $0.jobs = ["quantize", "evaluate"]
        $0.keeps = [LessonKeep(name: "kl", expression: "evaluate.kl.mean")]
        $0.reveals = ["guess"]
        $0.text.done = "KL {{kept.kl}}."
      },
      stop("free", .free) { $0.screen = MethodScreen.id },
      stop("end", .say),
    ])

  static func begun(_ lesson: Lesson = lesson, width: Int = 100, height: Int = 30) -> Play {
    var play = Play(width: width, height: height)
    play.send(.launch(model: nil))
    play.send(.lesson(event: .begin(lesson: lesson, before: [:])))
    return play
  }

  @Test func aLessonIsTakenToItsEnd() {
    var play = Self.begun()
    #expect(play.state.screen == TargetScreen.id)
    #expect(play.screen().contains("Weights ") && play.screen().contains("nothing –"))
    #expect(!play.screen().contains("{{"))
    play.press("enter")
    #expect(play.screen().contains("1 Ex"))
    play.press("2")
    #expect(play.state.lesson?.record.isRight == false)
    #expect(play.screen().contains("No."))
    play.press("1")
    #expect(play.state.lesson?.record.answer == .text("y"), "the first answer counts")
    play.press("enter", "1", "2", "backspace", "enter")
    #expect(play.state.lesson?.record.answer == .number(1))
    #expect(play.state.lesson?.record.isRight == nil, "nothing is measured yet")
    play.press("]")
    #expect(play.state.lesson?.stop.id == "do")
    play.press("2", "down", "right", "right")
    #expect(play.state.lesson?.record.isDone == true)
    #expect(play.screen().contains("It is 4."))
    play.press("]", "enter")
    let kl = SampleRun.evaluation.kl.mean
    #expect(play.state.lesson?.kept["kl"]?.number.map { abs($0 - kl) < 1e-6 } == true)
    #expect(play.state.lesson?.records["guess"]?.isRight != nil)
    play.press("]")
    #expect(play.state.screen == MethodScreen.id)
    let home = play.state.choices
    play.press("f")
    #expect(play.state.choices != home)
    play.press("]")
    #expect(play.state.choices == home)
    play.press("]")
    #expect(play.state.lesson == nil && play.state.screen == LessonsScreen.id)
    let kept = play.effects.compactMap { effect -> Bool? in
      guard case .keepProgress(_, _, _, let isFinished) = effect else { return nil }
      return isFinished
    }
    #expect(kept.count > 5 && kept.last == true)
  }

  /// Keys that are not the lesson's go where they always go.
  @Test func keysOfTheWorkbenchStayItsOwn() {
    var play = Self.begun()
    play.press("3")
    #expect(play.state.screen == MethodScreen.id && play.state.lesson?.index == 0)
    play.press("?")
    #expect(play.state.overlay?.name == "help")
    play.press("]")
    #expect(play.state.lesson?.index == 0, "what lies over the screen has the keyboard")
    play.press("esc", "]", "]", "]")
    #expect(play.state.lesson?.stop.id == "do")
    play.press("1", "enter")
    #expect(play.state.lesson?.stop.id == "do", "Enter is the workbench's at a task")
    play.press("[")
    #expect(play.state.lesson?.stop.id == "guess")
    play.press("ctrl+x")
    #expect(play.state.lesson == nil)
  }

  @Test func aTaskGivesItsHintBeforeItIsLeft() {
    var play = Self.begun()
    play.press("]", "]", "]", "]")
    #expect(play.state.lesson?.stop.id == "do" && play.screen().contains("A hint."))
    play.press("]")
    #expect(play.state.lesson?.stop.id == "measure")
    #expect(play.state.lesson?.records["do"]?.isSkipped == true)
  }

  @Test func aMeasurementThatFailsSaysWhy() {
    var play = Self.begun()
    for _ in 0..<5 { play.press("]") }
    play.answers = false
    play.press("enter")
    let id = play.started(QuantizeJob.self).last?.id ?? JobID(number: -1)
    play.job(.failed(id: id, message: "no room"))
    #expect(play.state.lesson?.failure == "no room")
    #expect(play.screen().contains("no room"))
  }

  @Test func recordedFiguresStandIn() throws {
    var lesson = Self.lesson
    lesson.stops[4].session = "some"
    var play = Self.begun(lesson)
    for _ in 0..<5 { play.press("]") }
    #expect(play.state.lesson?.stop.id == "measure")
    play.press("]")
    #expect(play.effects.contains(.standIn(session: "some", jobs: ["quantize", "evaluate"])))
    play.send(
      .lesson(
        event: .stoodIn(
          session: "some",
          reports: [.finished(id: JobID(number: 0), EvaluateJob.self, SampleRun.evaluation)])))
    #expect(
      play.state.lesson?.record.isDone == true && play.state.lesson?.record.isRecorded == true)
    #expect(play.state.lesson?.kept["kl"] != nil)
  }

  /// A recording of a lesson plays without its files: state after state.
  @Test func aLessonReplays() throws {
    var play = Self.begun()
    play.press(
      "enter", "1", "enter", "5", "enter", "]", "2", "down", "right", "right", "]", "enter", "]")
    var bytes = try Session(header: StoreTests.header, lines: []).encoded()
    for line in play.store.journal { bytes += line + [0x0A] }
    let session = try Session(parsing: bytes, path: "lesson")
    var player = Player(session)
    player.seek(to: player.length)
    #expect(player.state.lesson == play.state.lesson)
    #expect(player.state.lesson?.stop.id == "free")
  }

  @Test func everySizeCanBeDrawn() {
    var play = Self.begun()
    for _ in 0..<6 {
      for width in stride(from: 1, through: 160, by: 9) {
        for height in stride(from: 1, through: 50, by: 2) {
          _ = play.screen(width: width, height: height)
        }
      }
      play.press("]")
    }
  }

  @Test func aLongTextHasPages() {
    var lesson = Self.lesson
    lesson.stops[0].text.body =
      Array(repeating: "word", count: 400).joined(separator: " ") + " last."
    var play = Self.begun(lesson, width: 80, height: 24)
    #expect(play.state.lessonPages > 2)
    #expect(!play.screen().contains("last."))
    for _ in 1..<play.state.lessonPages { play.press("enter") }
    #expect(play.screen().contains("last.") && play.state.lesson?.index == 0)
    play.press("enter")
    #expect(play.state.lesson?.index == 1)
  }

  @Test func aLessonWithoutStopsDoesNotBegin() {
    let play = Self.begun(Lesson(id: "none", title: "None", stops: []))
    #expect(play.state.lesson == nil)
  }

  /// Progress is a whole file or none, and what it says of one lesson stays when another is taken.
  @Test func progressIsKept() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("state/lessons.json")
    var progress = try LessonProgress(reading: path)
    #expect(progress.lessons.isEmpty)
    var record = LessonRecord()
    record.answer = .text("x")
    record.isRight = true
    record.figures = ["kl": .number(0.25)]
    progress.take("one", language: "ko", records: ["a": record], isFinished: true)
    progress.take("one", language: "en", records: ["b": LessonRecord()], isFinished: false)
    try progress.write(to: path)
    let read = try LessonProgress(reading: path)
    #expect(read == progress)
    #expect(read.lessons["one"]?.isFinished == true && read.lessons["one"]?.right == 1)
    try folder.file("cut.json", "{\"format\":1,\"lessons\":{")
    #expect(throws: LessonProblem.self) { try LessonProgress(reading: folder.path("cut.json")) }
    try folder.file("newer.json", "{\"format\":9,\"lessons\":{}}")
    let newer = #expect(throws: LessonProblem.self) {
      try LessonProgress(reading: folder.path("newer.json"))
    }
    #expect(newer?.description.contains("expected format 1, found 9") == true)
  }
}
