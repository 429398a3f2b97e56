import Engine
import Models
import Platform
import Quantization
import TerminalUI
import Testing
import Workbench

/// One letter means one thing on all screens: `docs/keys.md` says what, and nothing else is bound.
@Suite struct LettersTests {
  /// A row of the table of letters.
  struct Row {
    var key: KeyPress
    var names: String
  }

  /// The folder of the project.
  static let project = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()

  static func rows() throws -> [Row] {
    let file = try MappedFile(path: project + "/docs/keys.md")
    let text = String(decoding: try file.read(at: 0, count: file.byteCount), as: UTF8.self)
    return text.split(separator: "\n").compactMap { line in
      guard line.hasPrefix("| `") else { return nil }
      // A bar in a cell is written with a backslash before it.
      let cells = line.replacing("\\|", with: "\u{1}").split(separator: "|")
      let word = cells[0].filter { $0 != " " && $0 != "`" }.replacing("\u{1}", with: "|")
      guard cells.count == 3, let key = word.first, word.count == 1 else { return nil }
      let names = cells[2].drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()
      return Row(key: .character(key), names: String(names))
    }
  }

  /// The letters of screens, with what each is called where.
  static var bound: [(screen: String, key: KeyPress, name: String)] {
    Screens.all.flatMap { screen in
      screen.bindings.flatMap { binding in
        binding.keys.compactMap { key in
          key.text == nil || key == .space ? nil : (screen.title, key, binding.name)
        }
      }
    }
  }

  @Test func everyLetterMeansWhatThePageSays() throws {
    let rows = try Self.rows()
    #expect(rows.count > 25)
    #expect(Set(rows.map(\.key)).count == rows.count, "a key has two rows")
    for (screen, key, name) in Self.bound {
      let row = rows.first { $0.key == key }
      #expect(
        row.map { ", \($0.names), ".contains(", \(name), ") } == true,
        "\(screen): \(key.name) is \(name); docs/keys.md: \(row?.names ?? "no such key")")
    }
    for row in rows {
      var rest = ", \(row.names), "
      for name in Set(Self.bound.filter { $0.key == row.key }.map(\.name)) {
        rest = rest.replacing(", \(name), ", with: ", , ")
      }
      #expect(
        rest.allSatisfy { $0 == "," || $0 == " " }, "docs/keys.md: \(row.key.name) is no \(rest)")
    }
  }

  @Test func whatIsCalledTheSameHasTheSameLetter() {
    var keys: [String: Set<KeyPress>] = [:]
    for screen in Screens.all {
      for binding in screen.bindings { keys[binding.name, default: []].insert(binding.keys[0]) }
    }
    for (name, keys) in keys where name != "use it" {
      #expect(keys.count == 1, "\(name): \(keys.map(\.name))")
    }
  }

  @Test func aKeyThatDoesNothingHereSaysSo() {
    var play = Play()
    play.send(.launch(model: nil))
    play.press("2", "y")
    #expect(play.screen().contains("y does nothing on Target; on Verdict: copy report"))
    play.press("f5")
    #expect(play.screen().contains("f5 does nothing on Target: ? shows the keys"))
    let before = play.state
    play.press("y")
    var after = play.state
    after.notices = before.notices
    #expect(after == before)
    // What is typed is no key.
    play.send(.tick(milliseconds: 60_000))
    play.press("e", "y", "esc")
    #expect(!play.screen().contains("does nothing"))
  }
}

/// Sessions of former letters play as they were recorded.
@Suite struct FormerLettersTests {
  static func session(_ format: Int, _ keys: String...) throws -> Session {
    let head = SessionTests.head.replacing("\"format\":2", with: "\"format\":\(format)")
    let lines = keys.enumerated().map { index, key in
      #"{"at":\#(index),"message":{"input":{"event":{"key":{"press":"\#(key)"}}}}}"#
    }
    let text = ([head] + lines).joined(separator: "\n") + "\n"
    return try Session(parsing: Array(text.utf8), path: "x.session")
  }

  static func keys(_ session: Session) -> [String] {
    session.lines.compactMap { line in
      guard case .message(.input(.key(let press))) = line.item else { return nil }
      return press.name
    }
  }

  @Test func lettersFollowTheScreenThatTheyWerePressedOn() throws {
    let former = try Self.session(
      2, "5", "m", "s", "i", "7", "m", "a", "O", "o", "1", "o", "m", "a")
    let today = FormerLetters.translated(former)
    // The last two are typed into the field that `o` opens.
    #expect(
      Self.keys(today)
        == ["5", ".", "c", "m", "7", ".", "m", "O", "!", "1", "o", "m", "a"])
    #expect(today.header.format == SessionHeader.currentFormat)
    #expect(FormerLetters.translated(today) == today, "what is of today stays")
    let current = try Self.session(3, "5", "m", "s")
    #expect(FormerLetters.translated(current) == current)
  }

  @Test func whatALetterBecameIsBoundThere() throws {
    for (id, letters) in FormerLetters.all {
      let screen = try #require(Screens.named(id))
      for (former, today) in letters {
        let key = try #require(KeyPress(name: today), "\(id): \(today)")
        #expect(
          (screen.bindings + Keymap.global).contains { $0.keys.contains(key) },
          "\(id): \(former) became \(today)")
      }
    }
  }

  @Test func theShippedSessionsPressNothingInVain() throws {
    let folder = LettersTests.project + "/Sessions/"
    let names = try FolderListing.names(in: folder).filter { $0.hasSuffix(".session") }
    #expect(names.count > 5)
    for name in names {
      let session = try SessionFile.read(folder + name)
      var state = State(size: session.header.size)
      for case .message(let message) in session.lines.map(\.item) {
        _ = update(&state, message)
        #expect(
          !state.notices.contains { $0.text.contains("does nothing") },
          "\(name): \(state.notices.map(\.text))")
      }
    }
  }
}

/// `U` takes back the last choice.
@Suite struct TakeBackTests {
  @Test func choicesAreTakenBackOneByOne() {
    var play = Play()
    play.send(.launch(model: nil))
    let begun = play.state.choices
    play.press("2", "down", "right")
    let workload = play.state.choices.workload
    #expect(workload != begun.workload)
    play.press("3", "enter")  // GPTQ
    #expect(!play.state.choices.recipe.isBaseline)
    play.press("U")
    #expect(play.state.choices.recipe.isBaseline)
    #expect(play.state.choices.workload == workload)
    #expect(play.screen(width: 140).contains("Taken back: the recipe is"))
    let plans = play.started(PlanJob.self).count
    play.press("U")
    #expect(play.state.choices == begun)
    #expect(play.started(PlanJob.self).count == plans + 1, "the plan follows")
    play.press("U")
    #expect(play.state.choices == begun)
    #expect(play.screen(width: 140).contains("No choice was made yet"))
  }

  @Test func aRecipeThatWasOpenedInPlaceOfAnotherIsTakenBack() throws {
    var play = Play()
    play.send(.launch(model: nil))
    play.press("3", "enter")
    let mine = play.state.choices.recipe
    let other = try RecipeText.recipe(SampleRun.recipeOnDisk)
    play.press("o", "enter")
    #expect(play.state.choices.recipe == other && other != mine)
    let made = play.state.choices.recipe.transforms
    play.press("U")
    #expect(play.state.choices.recipe.weights == mine.weights)
    #expect(play.state.choices.recipe.transforms == made, "what the model was made of stays")
  }

  @Test func anotherModelForgetsTheChoicesBefore() {
    var play = Play()
    play.send(.launch(model: nil))
    play.press("3", "enter")
    #expect(!play.state.past.isEmpty)
    var other = SampleRun.summary
    other.path = "/another"
    other.shape.context = 512
    play.finish(LoadJob(path: "another"), other)
    #expect(play.state.past.isEmpty)
  }

  @Test func noMoreThanAHundredAreKept() {
    var play = Play()
    play.send(.launch(model: nil))
    play.press("2", "down")
    for index in 0..<(Past.most + 20) { play.press(index % 2 == 0 ? "right" : "left") }
    var count = 0
    while !play.state.past.isEmpty, count < 500 {
      play.press("U")
      count += 1
    }
    #expect(count == Past.most)
  }
}
