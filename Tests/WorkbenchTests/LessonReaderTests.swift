import FoundationEssentials
import TestSupport
import Testing
import Workbench

/// Lessons as files: what is wrong is told with file and line, and the rest is read.
@Suite struct LessonReaderTests {
  static let folder = RegistrationTests.sources + "/../../Sessions"

  private static let plan = """
    number = 1
    [[stop]]
    id = "one"
    kind = "say"
    [[stop]]
    id = "two"
    kind = "ask"
    choices = ["x", "y"]
    answer = "'x'"
    """
  private static let text = """
    # T
    language: en
    revision: 2

    ## one
    Body {{plan.total|bytes}}.
    ## two
    Question?
    ### x
    Yes

    Because.
    ### y
    No
    """

  private static func problems(_ plan: String, _ texts: [String: String]) throws -> [String] {
    let folder = try TemporaryFolder()
    try folder.file("lesson.toml", plan)
    for (name, text) in texts { try folder.file(name, text) }
    let path = folder.path("")
    return LessonReader(folder: String(path.dropLast())).problems.map { problem in
      String("\(problem)".dropFirst(path.count))
    }
  }

  /// Every lesson that ships is whole, in every language it is in.
  @Test(.enabled(if: RegistrationTests.hasSources)) func shippedLessonsAreWhole() throws {
    let folders = LessonCatalog.folders(in: [Self.folder])
    #expect(folders.count == 9)
    for folder in folders {
      let reader = LessonReader(folder: folder)
      #expect(reader.problems.isEmpty, "\(reader.problems.map { "\($0)" }.joined(separator: "\n"))")
      for language in reader.languages {
        let lesson = try #require(reader.lesson(language))
        #expect(lesson.language == language)
        #expect(lesson.stops.allSatisfy { !$0.text.body.isEmpty })
        #expect(lesson.stops.flatMap(\.choices).allSatisfy { !$0.label.isEmpty })
      }
    }
    let entries = LessonCatalog.entries(in: [Self.folder], progress: LessonProgress())
    #expect(entries.map(\.number) == Array(1...9))
  }

  /// What no stop keeps and no question asks would show as `–` to the learner.
  @Test func namesThatNoStopGivesAreTold() throws {
    let plan = Self.plan + "\nkeep = { kl = \"evaluate.kl.mean\" }\n"
    let text = Self.text.replacing(
      "Because.", with: "{{kept.kl}} {{truth.two}} {{kept.lk}} {{guess.one}} {{truth.tow}}")
    let found = try Self.problems(plan, ["en.md": text])
    let wanted = [
      "'kept.lk' is kept at no stop: expected one of kl after 'kept.'",
      "'guess.one' is of no question: expected one of two after 'guess.'",
      "'truth.tow' is of no question: expected one of two after 'truth.'",
    ]
    #expect(found.count == wanted.count, "\(found)")
    for words in wanted { #expect(found.contains { $0.contains(words) }, "\(found)") }
  }

  /// A figure that somebody measured is never typed into a lesson: it comes from the state.
  @Test(.enabled(if: RegistrationTests.hasSources)) func noMeasuredNumberIsTyped() throws {
    for folder in LessonCatalog.folders(in: [Self.folder]) {
      let reader = LessonReader(folder: folder)
      for language in reader.languages {
        for stop in reader.lesson(language)?.stops ?? [] {
          for part in [stop.text.body, stop.text.done ?? ""] {
            let words = part.split { !($0.isNumber || $0 == ".") }
            let numbers = words.map { String($0.reversed().drop { $0 == "." }.reversed()) }
            let typed = numbers.filter {
              $0.contains(".") && !["0.1", "0.5", "0.95"].contains($0)
                && !part.contains("{{plan.advice.")
            }
            #expect(typed.isEmpty, "\(folder) \(language) \(stop.id): \(typed)")
          }
        }
      }
    }
  }

  @Test func aWholeLessonHasNoProblem() throws {
    #expect(try Self.problems(Self.plan, ["en.md": Self.text]) == [])
  }

  @Test(arguments: [
    (
      ("kind = \"say\"", "kind = \"sing\""),
      "lesson.toml, line 4: kind: expected one of say, predict"
    ),
    (
      ("kind = \"say\"", "knd = \"say\""),
      "lesson.toml, line 4: there is no key \"knd\"; did you mean \"kind\""
    ),
    (("id = \"two\"", "id = \"one\""), "lesson.toml, line 5: the id 'one' stands here twice"),
    (
      ("answer = \"'x'\"", "answer = \"zebra.x\""),
      "lesson.toml, line 9: two: answer: 'zebra.x' is no figure"
    ),
    (("answer = \"'x'\"", "answer = \"(\""), "lesson.toml, line 9: two: answer: '('"),
    (("answer = \"'x'\"", "answer = 3"), "lesson.toml, line 9: answer: expected a text in quotes"),
    (
      ("choices = [\"x\", \"y\"]", "choices = [\"x\"]"),
      "line 8: two: expected 2 to 9 choices, found 1"
    ),
    (("kind = \"say\"", "kind = \"do\""), "lesson.toml, line 4: one: a task needs a check"),
    (
      ("kind = \"say\"", "kind = \"measure\"\njobs = [\"dance\"]"),
      "line 5: one: expected one of quantize"
    ),
    (("kind = \"say\"", "kind = \"say\"\nrecipe = \"weights=dance\""), "line 5: one: recipe: "),
    (("kind = \"say\"", "kind = \"say\"\nscreen = \"moon\""), "line 5: one: expected one of model"),
    (("kind = \"say\"", "kind = \"say"), "lesson.toml, line 4: "),
    (
      ("[[stop]]\nid = \"one\"", "[[stop]]\nkeep = 3\nid = \"one\""),
      "line 3: keep: expected a table of texts"
    ),
  ]) func aFaultInThePlanIsNamed(change: (String, String), words: String) throws {
    let plan = Self.plan.replacing(change.0, with: change.1, maxReplacements: 1)
    let problems = try Self.problems(plan, ["en.md": Self.text])
    #expect(problems.contains { $0.contains(words) }, "\(problems)")
  }

  @Test(arguments: [
    ("plan.total|bytes", "plan.total|feet", "en.md, line 5: one: expected a format of plain"),
    ("plan.total|bytes", "moon.total", "en.md, line 5: one: 'moon.total' is no figure"),
    ("## two", "## three", "en.md: the stop 'two' is missing"),
    ("## two", "## three", "en.md, line 7: '## three' is no stop"),
    ("### y", "### z", "en.md, line 7: two: the choice 'y' is missing"),
    ("### y", "### z", "en.md, line 13: two: '### z' is no choice"),
    ("language: en", "language: ko", "en.md, line 2: language: expected en"),
    (
      "revision: 2", "revision: old",
      "en.md, line 3: revision: expected a number from 1, found 'old'"
    ),
    (
      "revision: 2", "colour: red",
      "en.md, line 3: expected language, revision, of or about, found 'colour'"
    ),
    (
      "Question?", "Question\u{1B}[31m?",
      "en.md, line 8: expected text, found a control character (1b)"
    ),
    ("# T", "T", "en.md, line 1: expected '# TITLE'"),
  ]) func aFaultInTheTextIsNamed(part: String, other: String, words: String) throws {
    let text = Self.text.replacing(part, with: other, maxReplacements: 1)
    let problems = try Self.problems(Self.plan, ["en.md": text])
    #expect(problems.contains { $0.hasPrefix(words) }, "\(problems)")
  }

  @Test func anotherLanguageLacksAStopOrIsOlder() throws {
    let older = Self.text.replacing("language: en\nrevision: 2", with: "language: ko\nof: 1")
    #expect(
      try Self.problems(Self.plan, ["en.md": Self.text, "ko.md": older])
        == ["ko.md, line 2: made from revision 1 of en.md, which is at 2"])
    let current = older.replacing("of: 1", with: "of: 2")
    #expect(try Self.problems(Self.plan, ["en.md": Self.text, "ko.md": current]) == [])
    let alone = try Self.problems(Self.plan, ["ko.md": current])
    #expect(alone.contains { $0.contains("expected en.md, the source, found none") })
  }

  @Test func filesThatAreNoneAreNamed() throws {
    let folder = try TemporaryFolder()
    let reader = LessonReader(folder: folder.path("nowhere"))
    #expect(reader.lesson("en") == nil)
    #expect(reader.problems.contains { $0.path.hasSuffix("nowhere/lesson.toml") })
    try folder.file("lesson.toml", "")
    let empty = LessonReader(folder: String(folder.path("").dropLast()))
    #expect(empty.lesson("en") == nil)
    #expect(empty.problems.contains { $0.reason.contains("expected [[stop]]") })
  }

  /// Both glossaries explain the same number of words, none of them empty or twice.
  @Test(.enabled(if: RegistrationTests.hasSources)) func theGlossaryIsWhole() throws {
    let english = try Glossary.terms("en", in: [Self.folder])
    #expect(english.count >= 30)
    let screen = "perplexity 3.2  KL 0.01  W4A16"
    let first = Glossary.sorted(english, for: screen).prefix { $0.isOnScreen }.map(\.word)
    #expect(first == ["KL divergence", "perplexity", "W4A16"])
    #expect(throws: LessonProblem.self) { try Glossary.terms("xx", in: [Self.folder]) }
  }
}
