import Engine
import FoundationEssentials
import Platform
import TerminalUI
import Testing
import Workbench

/// The screen of each stop of each lesson, at two sizes and in all languages, as it was when somebody looked at it.
///
/// A line of `Goldens/LESSON.txt` names a screen and has a few letters for each of its rows, so that a change tells which rows of
/// which stop are others and shows them; the first screen of each lesson stands there in full. Reports are samples, so that no
/// machine and no clock changes a digit. NIBBLE_GOLDENS=write in the environment writes the files anew.
@Suite struct LessonGoldenTests {
  private static let sizes = [Size(width: 80, height: 24), Size(width: 120, height: 36)]
  private static let goldens = RegistrationTests.sources + "/../../Tests/WorkbenchTests/Goldens"
  private static let lessons = LessonCatalog.folders(
    in: [RegistrationTests.sources + "/../../Sessions"])
  private static let writes = ProcessInfo.processInfo.environment["NIBBLE_GOLDENS"] == "write"

  @Test(.enabled(if: RegistrationTests.hasSources), arguments: lessons)
  func screensAreAsTheyWere(_ folder: String) throws {
    let reader = LessonReader(folder: folder)
    var found: [Golden] = []
    for language in reader.languages {
      let lesson = try #require(reader.lesson(language))
      found += Self.screens(lesson, Self.sizes)
    }
    let path = "\(Self.goldens)/\(reader.id).txt"
    if Self.writes {
      try FileManager.default.createDirectory(
        atPath: Self.goldens, withIntermediateDirectories: true)
      return try WholeFile.write(GoldenFile.text(found), to: path)
    }
    let text = try String(contentsOfFile: path, encoding: .utf8)
    for difference in GoldenFile.differences(text, found) {
      Issue.record("\(reader.id): \(difference)")
    }
  }

  /// All screens in full, to be read by eye: run with NIBBLE_SCREENS=FOLDER in the environment.
  @Test(
    .enabled(if: ProcessInfo.processInfo.environment["NIBBLE_SCREENS"] != nil), arguments: lessons)
  func screensAreWritten(_ folder: String) throws {
    let target = ProcessInfo.processInfo.environment["NIBBLE_SCREENS"] ?? ""
    try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: true)
    let reader = LessonReader(folder: folder)
    for language in reader.languages {
      let lesson = try #require(reader.lesson(language))
      for size in [Size(width: 80, height: 24), Size(width: 100, height: 30)] {
        let text = Self.screens(lesson, [size]).map { golden in
          "== \(golden.name)\n" + golden.rows.joined(separator: "\n") + "\n"
        }
        try WholeFile.write(
          text.joined(), to: "\(target)/\(reader.id).\(language).\(size.width)x\(size.height).txt")
      }
    }
  }

  @Test func aChangedRowIsTold() {
    let one = Golden(name: "en 80x24 a", rows: ["x", "y"])
    let text = GoldenFile.text([one])
    #expect(GoldenFile.differences(text, [one]).isEmpty)
    let changed = GoldenFile.differences(text, [Golden(name: "en 80x24 a", rows: ["x", "z"])])
    #expect(changed.count == 1 && changed[0].contains("row 2: z") && changed[0].contains("was: y"))
    #expect(GoldenFile.differences(text, []) == ["en 80x24 a: it is not seen any more"])
    let more = GoldenFile.differences(text, [one, Golden(name: "b", rows: [])])
    #expect(more == ["b: it was not there"])
  }

  /// Takes a lesson with sample reports and keeps what is seen of each stop, come to and done.
  private static func screens(_ lesson: Lesson, _ sizes: [Size]) -> [Golden] {
    var play = Play(width: sizes[0].width, height: sizes[0].height)
    play.send(.launch(model: nil))
    play.send(.lesson(event: .begin(lesson: lesson, before: [:])))
    var goldens: [Golden] = []
    func look(_ moment: String) {
      guard let stop = play.state.lesson?.stop.id else { return }
      for size in sizes {
        var state = play.state
        state.size = size
        let rows = WorkbenchView.text(state, size: size).split(
          separator: "\n", omittingEmptySubsequences: false)
        goldens.append(
          Golden(
            name: "\(lesson.language) \(size.width)x\(size.height) \(stop) \(moment)",
            rows: rows.map(String.init)))
      }
    }
    var left = lesson.stops.count * 8
    while let run = play.state.lesson, left > 0 {
      left -= 1
      play.send(.tick(milliseconds: play.time + 20_000))
      look("come")
      LessonHands.do(run.stop, &play)
      play.send(.tick(milliseconds: play.time + 20_000))
      if play.state.lesson?.index == run.index, play.state.lesson?.record.isDone == true,
        run.stop.kind != .say
      {
        look("done")
      }
      var presses = 12
      while play.state.lesson?.index == run.index, presses > 0 {
        presses -= 1
        play.press("]")
      }
    }
    return goldens
  }
}

/// What a learner does at a stop, whatever comes of it.
enum LessonHands {
  static func `do`(_ stop: LessonStop, _ play: inout Play) {
    func lastPage() {
      var left = 10
      while left > 0, let run = play.state.lesson, run.page < play.state.lessonPages - 1 {
        left -= 1
        play.press("enter")
      }
    }
    switch stop.kind {
    case .say, .free: break
    case .watch:
      lastPage()
      play.send(.lesson(event: .watched))
    case .measure:
      lastPage()
      play.press("enter")
    case .do: for key in stop.way { play.press(key) }
    case .ask, .predict:
      lastPage()
      switch stop.kind == .ask ? .choice : stop.guess ?? .choice {
      case .choice: play.press("1")
      case .number: play.press("1", "enter")
      case .cell: play.press("enter")
      }
    }
  }
}

/// One screen under its name.
struct Golden: Hashable {
  var name: String
  var rows: [String]
}

/// Screens in a text: a line each with letters for its rows, the first of a size and language in full.
enum GoldenFile {
  static func text(_ goldens: [Golden]) -> String {
    var text = ""
    var seen: Set<String> = []
    for golden in goldens {
      text += golden.name + "\t" + golden.rows.map(letters).joined() + "\n"
      let kind = golden.name.split(separator: " ").prefix(2).joined(separator: " ")
      guard seen.insert(kind).inserted else { continue }
      text += golden.rows.map { "|" + $0 + "\n" }.joined()
    }
    return text
  }

  /// What is another screen now, in words.
  static func differences(_ text: String, _ goldens: [Golden]) -> [String] {
    var known: [String: (letters: [String], rows: [String])] = [:]
    var names: [String] = []
    for line in text.split(separator: "\n", omittingEmptySubsequences: true) {
      if line.hasPrefix("|"), let name = names.last {
        known[name]?.rows.append(String(line.dropFirst()))
      } else {
        let parts = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2 else { continue }
        names.append(parts[0])
        known[parts[0]] = (pairs(parts[1]), [])
      }
    }
    var found: [String] = []
    for golden in goldens {
      guard let old = known.removeValue(forKey: golden.name) else {
        found.append("\(golden.name): it was not there")
        continue
      }
      let changes = golden.rows.enumerated().compactMap { index, row -> String? in
        guard !old.letters.indices.contains(index) || old.letters[index] != letters(row) else {
          return nil
        }
        let was = old.rows.indices.contains(index) ? "\n    was: \(old.rows[index])" : ""
        return "row \(index + 1): \(row)\(was)"
      }
      let isShorter = golden.rows.count < old.letters.count
      guard !changes.isEmpty || isShorter else { continue }
      found.append(([golden.name] + changes).joined(separator: "\n  "))
    }
    return found + names.filter { known[$0] != nil }.map { "\($0): it is not seen any more" }
  }

  /// Two letters that another row has in one of 4096 cases.
  static func letters(_ row: String) -> String {
    var sum: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in row.utf8 { sum = (sum ^ UInt64(byte)) &* 0x100_0000_01B3 }
    let folded = (sum ^ sum >> 24 ^ sum >> 48) & 0xFFF
    return String(alphabet[Int(folded >> 6)]) + String(alphabet[Int(folded & 63)])
  }

  private static let alphabet = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")

  private static func pairs(_ text: String) -> [String] {
    let all = Array(text)
    return stride(from: 0, to: all.count - 1, by: 2).map { String(all[$0...$0 + 1]) }
  }
}
