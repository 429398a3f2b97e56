import Engine
import FoundationEssentials
import Operators
import TerminalUI
import TestSupport
import Testing
import Workbench

/// What a teacher fixes for a room, and what comes back from it.
@Suite struct LessonClassTests {
  static let file = """
    name = "Group 3"
    lessons = ["targets", "rounding"]
    language = "ko"
    model = "built-in"
    seed = 7
    minutes = 10
    [limits]
    rounding = 12
    [[machine]]
    name = "class laptop"
    memory-gb = 16
    bandwidth-gbs = 40
    fp32-tflops = 0.6
    """

  @Test func aClassFileIsRead() throws {
    let course = try LessonClass(parsing: Self.file, path: "class.toml")
    #expect(course.name == "Group 3" && course.lessons == ["targets", "rounding"])
    #expect(course.language == "ko" && course.model == nil && course.seed == 7)
    #expect(course.limit(of: "targets") == 600 && course.limit(of: "rounding") == 720)
    #expect(course.machine?.name == "class laptop" && course.machine?.memoryBytes == 16e9)
    let lesson = course.fitted(
      Lesson(id: "rounding", title: "r", stops: [LessonStop(id: "a", kind: .say)]))
    #expect(lesson.limit == 720 && lesson.model == nil)
  }

  @Test(arguments: [
    ("minutes = 0", "class.toml, line 1: minutes: expected 1 to 600, found 0"),
    ("\nlanguage = \"fr\"", "class.toml, line 2: language: expected en or ko, found 'fr'"),
    ("lesson = [\"a\"]", "class.toml, line 1: expected one of name, lessons"),
    ("lessons = [1]", "class.toml, line 1: lessons: expected a list of texts"),
    ("name = \"a\\u001b[2J\"", "class.toml, line 1: name: expected a text"),
    ("seed = -1", "class.toml, line 1: seed: expected 0 to"),
    ("[limits]\nx = 601", "class.toml, line 2: limits: expected lessons with 1 to 600 minutes"),
    ("[[machine]]\nname = \"m\"\nmemory-gb = -1", "class.toml, line 3: memory-gb"),
    ("name = ", "class.toml, line 1: "),
  ])
  func whatIsWrongIsNamed(text: String, words: String) {
    let problem = #expect(throws: LessonProblem.self) {
      try LessonClass(parsing: text, path: "class.toml")
    }
    let said = problem.map { "\($0)" } ?? ""
    #expect(said.hasPrefix(words), "\(said)")
  }

  private static func sheet(_ name: String, _ answers: [String: (String, Bool)]) -> LearnerSheet {
    var stops: [String: LessonRecord] = [:]
    for (stop, answer) in answers {
      var record = LessonRecord()
      record.answer = .text(answer.0)
      record.isRight = answer.1
      record.isDone = true
      stops[stop] = record
    }
    return LearnerSheet(
      learner: name, course: "c", program: "0.1.0",
      lessons: ["targets": .init(language: "en", isFinished: true, stops: stops)])
  }

  @Test func sheetsMakeATableAndTheHardestQuestionComesFirst() throws {
    let folder = try TemporaryFolder()
    let sheets = [
      Self.sheet("ada", ["a": ("kv", false), "b": ("weights", true)]),
      Self.sheet("bo", ["a": ("kv", false), "b": ("weights", true)]),
      Self.sheet("cy", ["a": ("weights", true), "b": ("kv", false)]),
    ]
    let read = try sheets.map { sheet -> LearnerSheet in
      let path = folder.path("\(sheet.learner).json")
      try Data(sheet.encoded()).write(to: URL(filePath: path))
      return try LearnerSheet(reading: path)
    }
    #expect(read == sheets)
    let table = ClassTable(read)
    #expect(table.lessons == ["targets"])
    #expect(table.rows == [["ada", "1/2", "1/2"], ["bo", "1/2", "1/2"], ["cy", "1/2", "1/2"]])
    #expect(table.questions.map(\.stop) == ["a", "b"])
    #expect(table.questions[0].commonest == "kv" && table.questions[0].commonestCount == 2)
  }

  /// Whatever a learner's file calls its lessons and stops, the table is made.
  @Test func oddNamesOfLessonsAreCounted() {
    var record = LessonRecord()
    record.isRight = false
    let kept = LessonProgress.Kept(language: "en", isFinished: true, stops: ["": record])
    let sheet = LearnerSheet(
      learner: "eve", course: nil, program: "", lessons: ["": kept, "a/b": kept])
    let table = ClassTable([sheet])
    #expect(table.lessons == ["", "a/b"] && table.rows == [["eve", "0/1", "0/1", "0/2"]])
    #expect(table.questions.map(\.lesson) == ["", "a/b"])
    #expect(table.questions.allSatisfy { $0.stop.isEmpty && $0.answered == 1 })
  }

  @Test func aProgressFileCountsUnderItsOwnName() throws {
    let folder = try TemporaryFolder()
    var progress = LessonProgress()
    progress.take("targets", language: "en", records: [:], isFinished: false)
    try progress.write(to: folder.path("dee.json"))
    let sheet = try LearnerSheet(reading: folder.path("dee.json"))
    #expect(sheet.learner == "dee" && sheet.lessons["targets"] != nil)
    #expect(ClassTable([sheet]).rows == [["dee", "0/0 open", "0/0"]])
  }

  @Test(arguments: ["", "{", "[]", #"{"learner":"a","format":9}"#, #"{"format":1,"lessons":7}"#])
  func aFileThatIsNoSheetIsNamed(_ text: String) throws {
    let folder = try TemporaryFolder()
    let path = folder.path("x.json")
    try Data(text.utf8).write(to: URL(filePath: path))
    let problem = #expect(throws: LessonProblem.self) { try LearnerSheet(reading: path) }
    #expect(problem?.path == path)
  }

  /// The time runs, is told in the panel, and an answer after it is marked.
  @Test func aLimitIsToldAndAnswersAfterItAreLate() {
    var stop = LessonStop(id: "q", kind: .ask)
    stop.text.body = "Which?"
    stop.choices = [
      LessonChoice(id: "a", label: "A", why: ""), LessonChoice(id: "b", label: "B", why: ""),
    ]
    stop.answer = "'a'"
    var lesson = Lesson(
      id: "l", title: "한국어", language: "ko", stops: [stop, LessonStop(id: "e", kind: .say)])
    lesson.limit = 60
    var play = Play()
    play.send(.launch(model: nil))
    play.send(.lesson(event: .begin(lesson: lesson, before: [:])))
    #expect(play.state.nextTick == 1000)
    #expect(play.screen().contains("남음") && play.screen().contains("1-2 답"))
    play.send(.tick(milliseconds: play.time + 70_000))
    #expect(play.screen().contains("시간이 다 됐습니다"))
    play.press("1")
    #expect(play.state.lesson?.records["q"]?.isLate == true)
  }

  /// Who presents sees the screen and the panel, no walk line and no hints.
  @Test func presentingLeavesTheLinesOut() {
    var stop = LessonStop(id: "s", kind: .say)
    stop.text.body = "Look at the weights."
    stop.text.notes = "Ask **who** has seen this."
    var play = Play()
    play.send(.launch(model: nil))
    play.send(
      .lesson(event: .begin(lesson: Lesson(id: "l", title: "T", stops: [stop]), before: [:])))
    #expect(play.screen().contains("nibble"))
    play.send(.lesson(event: .presenting))
    play.send(.tick(milliseconds: 600_000))
    for size in [(80, 24), (100, 30), (140, 40)] {
      let screen = play.screen(width: size.0, height: size.1)
      #expect(screen.contains("Look at the weights."))
      #expect(!screen.contains("q quit") && !screen.contains("nibble"), "\(screen)")
      #expect(!screen.contains("who"), "notes are for whoever teaches")
    }
    #expect(play.state.lessonNotes == "Ask who has seen this.")
  }

  @Test func aHandoutHasTheTextsTheScreenAndFoldedAnswers() {
    var ask = LessonStop(id: "q", kind: .ask)
    ask.text.body = "Weights take {{plan.memory.weights|bytes}}: **which** `tensor`?"
    ask.choices = [
      LessonChoice(id: "a", label: "A < B", why: "since a"),
      LessonChoice(id: "b", label: "B", why: "no"),
    ]
    ask.answer = "'a'"
    let lesson = Lesson(id: "l", title: "T & U", about: "a.", stops: [ask])
    var play = Play()
    play.send(.launch(model: nil))
    play.send(.lesson(event: .begin(lesson: lesson, before: [:])))
    let before = play.state
    play.press("1")
    let html = LessonHandout(
      lesson, visits: [(stop: "q", state: before), (stop: "q", state: play.state)]
    ).html
    #expect(html.contains("<title>T &amp; U</title>") && html.contains("A &lt; B"))
    #expect(html.contains("<strong>which</strong> <code>tensor</code>"))
    #expect(!html.contains("{{") && html.contains("<details><summary>Answer</summary>"))
    #expect(html.contains("since a") && html.contains("<pre>") && !html.contains("http"))
  }

  @Test func theSameSeedDrawsTheSameWorkload() throws {
    let folder = try TemporaryFolder()
    let plan = """
      number = 0
      source = "en"
      [[stop]]
      id = "a"
      kind = "say"
      workloads = [ { context = 100 }, { context = 200 }, { context = 300 }, { context = 400 } ]
      [[stop]]
      id = "b"
      kind = "say"
      like = "a"
      """
    let text = "# T\nlanguage: en\nrevision: 1\nabout: x\n\n## a\nA.\n\n## b\nB.\n"
    try Data(plan.utf8).write(to: URL(filePath: folder.path("lesson.toml")))
    try Data(text.utf8).write(to: URL(filePath: folder.path("en.md")))
    let reader = LessonReader(folder: folder.path)
    #expect(reader.problems.isEmpty, "\(reader.problems)")
    func drawn(_ seed: UInt64) -> [Int?] {
      reader.lesson("en", seed: seed)?.stops.map { $0.workload?["context"] } ?? []
    }
    #expect(drawn(0) == [100, 100])
    #expect(drawn(5) == drawn(5))
    #expect((1...20).allSatisfy { drawn($0)[0] == drawn($0)[1] })
    #expect(Set((1...40).map { drawn($0)[0] }).count == 4)
    let broken = plan.replacing("like = \"a\"", with: "like = \"b\"")
    try Data(broken.utf8).write(to: URL(filePath: folder.path("lesson.toml")))
    let problems = LessonReader(folder: folder.path).problems
    #expect(problems.contains { $0.line == 10 && $0.reason.contains("a stop before this one") })
  }
}
