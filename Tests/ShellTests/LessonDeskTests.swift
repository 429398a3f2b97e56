import FoundationEssentials
import Shell
import TestSupport
import Testing
import Workbench

/// What cannot be read of lessons is told: by the list, by its entries, by a notice.
@Suite struct LessonDeskTests {
  private static let sessions: String = {
    var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    parts.removeLast(3)
    return parts.joined(separator: "/") + "/Sessions"
  }()

  @Test func aDamagedFileOfAnswersIsToldAndTheLessonsAreThere() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("lessons.json")
    try Data("{\"format\":1,".utf8).write(to: URL(filePath: path))
    let listing = LessonDesk(folders: [Self.sessions], progressPath: path).listing
    #expect(listing.entries.count == 9 && listing.entries.allSatisfy { $0.done == 0 })
    #expect(listing.problems.map(\.path) == [path])
    #expect("\(listing.problems[0])".contains("expected the progress of a learner"))
  }

  @Test func aFolderOfLessonsThatCannotBeListedIsAnEntry() throws {
    let folder = try TemporaryFolder()
    // A file where the folder of lessons is looked for.
    try Data("x".utf8).write(to: URL(filePath: folder.path("Lessons")))
    let entries = LessonDesk(folders: [folder.path, Self.sessions]).listing.entries
    #expect(entries.count == 10)
    let unread = try #require(entries.last)
    #expect(unread.problem?.hasPrefix(folder.path("Lessons") + ": cannot be listed") == true)
    #expect(unread.stops == 0 && LessonDesk(folders: ["/nowhere"]).listing.entries.isEmpty)
  }

  @Test func aClassHasItsLessonsInItsOrder() throws {
    let course = try LessonClass(
      parsing: "lessons = [\"rounding\", \"targets\", \"no-such\"]\nminutes = 5", path: "c.toml")
    let desk = LessonDesk(folders: [Self.sessions], course: course)
    #expect(desk.listing.entries.map(\.id) == ["rounding", "targets", "no-such"])
    #expect(desk.listing.entries[2].problem?.contains("found 'no-such'") == true)
    let lesson = try desk.lesson(LessonReader(folder: desk.listing.entries[1].path))
    #expect(lesson.limit == 300)
  }

  /// What a teacher wrote lies next to the class file, and comes before what ships under the same name.
  @Test func lessonsNextToTheClassFileAreOfTheClass() throws {
    let folder = try TemporaryFolder()
    let plan = "[[stop]]\nid = \"one\"\nkind = \"say\""
    let text = "# Own\nlanguage: en\nrevision: 1\n\n## one\nWords."
    for name in ["mine", "targets"] {
      let own = folder.path(name)
      try FileManager.default.createDirectory(atPath: own, withIntermediateDirectories: true)
      try Data(plan.utf8).write(to: URL(filePath: own + "/lesson.toml"))
      try Data(text.utf8).write(to: URL(filePath: own + "/en.md"))
    }
    let course = try LessonClass(
      parsing: "lessons = [\"mine\", \"targets\", \"rounding\", \"../mine\"]",
      path: folder.path("class.toml"))
    let entries = LessonDesk(folders: [Self.sessions], course: course).listing.entries
    #expect(entries.map(\.path).prefix(2) == [folder.path("mine"), folder.path("targets")])
    #expect(entries.prefix(2).allSatisfy { $0.stops == 1 && $0.problem == nil })
    #expect(entries[2].path.hasSuffix("/Sessions/Lessons/rounding"))
    #expect(entries[3].problem?.contains("found '../mine'") == true)
  }
}

/// A second terminal learns how far a lesson is.
@Suite struct LessonBeaconTests {
  @Test func itTellsStopNotesAnswerAndTheEnd() throws {
    let folder = try TemporaryFolder()
    var ask = LessonStop(id: "q", kind: .ask)
    ask.text.body = "Which?"
    ask.text.notes = "Wait for **three** hands."
    ask.choices = [
      LessonChoice(id: "a", label: "A", why: ""), LessonChoice(id: "b", label: "B", why: ""),
    ]
    ask.answer = "'b'"
    let lesson = Lesson(id: "l", title: "T", stops: [ask, LessonStop(id: "e", kind: .say)])
    var beacon = LessonBeacon(path: folder.path("deep/presenting.json"))
    #expect(try beacon.read() == nil)
    var state = State()
    _ = update(&state, .lesson(event: .begin(lesson: lesson, before: [:])))
    _ = update(&state, .tick(milliseconds: 65_000))
    #expect(beacon.show(state) == nil)
    let signal = try #require(try beacon.read())
    #expect(signal.index == 0 && signal.stops == 2 && signal.stop == "q" && signal.next == "e")
    #expect(signal.notes == "Wait for three hands." && signal.answer == "b")
    #expect(signal.seconds == 65 && !signal.isSettled)
    _ = update(&state, .lesson(event: .left))
    #expect(beacon.show(state) == nil)
    #expect(try beacon.read()?.index == nil)
    try folder.file("deep/presenting.json", "{")
    #expect(throws: LessonProblem.self) { try beacon.read() }
  }

  /// The room goes on where nothing can be written, and hears it once.
  @Test func aFileThatCannotBeWrittenIsToldOnce() throws {
    let folder = try TemporaryFolder()
    try folder.file("file", "")
    var beacon = LessonBeacon(path: folder.path("file/presenting.json"))
    var state = State()
    #expect(beacon.show(state) == nil)
    let lesson = Lesson(
      id: "l", title: "T",
      stops: [LessonStop(id: "s", kind: .say), LessonStop(id: "e", kind: .say)])
    _ = update(&state, .lesson(event: .begin(lesson: lesson, before: [:])))
    #expect(beacon.show(state)?.contains("second terminal is not told of the lesson: ") == true)
    _ = update(&state, .tick(milliseconds: 65_000))
    #expect(beacon.show(state) == nil)
  }
}
