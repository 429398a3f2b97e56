import Engine
import TerminalUI
import Testing
import Workbench

/// The field of a path: what could be opened below it, Tab, arrows, the mouse.
@Suite struct PathEditTests {
  static let home = PathListing(
    folder: "",
    entries: [
      PathEntry(path: "llama-a.gguf", about: "llama, 669 MB"),
      PathEntry(path: "llama-b", about: "llama, 2.20 GB"),
      PathEntry(path: "broken.gguf", problem: "cannot be opened: expected GGUF"),
      PathEntry(path: "models"),
    ])

  /// The dialog with the current folder listed.
  static func opened() -> Play {
    var play = Play()
    play.press("o")
    play.send(.paths(listing: home))
    return play
  }

  static func text(_ play: Play) -> String? {
    guard case .edit(let field) = play.state.overlay else { return nil }
    return field.editor.text
  }

  static func asked(_ play: Play) -> [String] {
    play.effects.compactMap { if case .listPaths(let typed) = $0 { typed } else { nil } }
  }

  @Test(arguments: [(80, 24), (100, 30), (200, 60)])
  func whatCouldBeOpenedIsListedWithWhatItIs(width: Int, height: Int) {
    let play = Self.opened()
    #expect(Self.asked(play) == [""])
    let screen = play.screen(width: width, height: height)
    for words in ["llama-a.gguf", "llama, 669 MB", "cannot be opened", "models/", "Tab complete"] {
      #expect(screen.contains(words), "\(words): \(screen)")
    }
  }

  @Test func tabCompletesAsFarAsItIsCertain() {
    var play = Self.opened()
    play.press("l", "tab")
    #expect(Self.text(play) == "llama-")
    #expect(!play.screen().contains("models/"), "the list follows")
    play.press("tab")
    #expect(Self.text(play) == "llama-", "two are left")
    play.press("b", "tab")
    #expect(Self.text(play) == "llama-b")
    play.press("enter")
    #expect(play.started(LoadJob.self).last?.job.path == "llama-b")
    #expect(play.state.overlay == nil)
  }

  @Test func lettersOfTheOtherCaseAreTaken() {
    var play = Self.opened()
    play.press("M", "tab")
    #expect(Self.text(play) == "models/")
  }

  @Test func aFolderIsGoneInto() {
    var play = Self.opened()
    play.press("m", "tab")
    #expect(Self.text(play) == "models/")
    #expect(Self.asked(play) == ["", "models/"])
    #expect(play.screen().contains("Nothing begins so"), "what lay elsewhere is not shown")
    // A listing that comes too late is of another folder.
    play.send(.paths(listing: Self.home))
    #expect(!play.screen().contains("llama-a.gguf"))
    play.send(
      .paths(
        listing: PathListing(
          folder: "models/", entries: [PathEntry(path: "models/x", about: "gemma3, 1.00 GB")])))
    play.press("tab", "enter")
    #expect(play.started(LoadJob.self).last?.job.path == "models/x")
  }

  @Test func arrowsChooseAndEnterOpens() {
    var play = Self.opened()
    play.press("down", "down")
    #expect(Self.text(play) == "llama-b")
    play.press("up")
    #expect(Self.text(play) == "llama-a.gguf")
    #expect(play.screen().contains("llama-b"), "the others stay")
    play.press("down", "down", "down", "enter")
    #expect(Self.text(play) == "models/", "Enter goes into a folder")
    #expect(play.started(LoadJob.self).isEmpty)
  }

  @Test func aClickChoosesAndASecondOpens() throws {
    var play = Self.opened()
    let rows = WorkbenchView.hits(play.state).filter {
      if case .row(1, chosen: nil) = $0.target { true } else { false }
    }
    let row = try #require(rows.last)
    let press = MouseEvent(.press, button: .left, x: row.rect.x + 1, y: row.rect.y)
    play.send(.input(event: .mouse(event: press)))
    #expect(Self.text(play) == "llama-b")
    play.send(.input(event: .mouse(event: press)))
    #expect(play.started(LoadJob.self).last?.job.path == "llama-b")
  }

  @Test func aFolderThatIsNotThereIsSaid() {
    var play = Self.opened()
    play.press("x/")
    play.send(
      .paths(listing: PathListing(folder: "x/", problem: "There is no folder x/")))
    #expect(play.screen().contains("There is no folder x/"))
    play.press("tab", "up", "down")
    #expect(Self.text(play) == "x/")
  }

  @Test func otherFieldsListNothing() {
    var play = Play.walk()
    play.press("2", "e", "tab")
    #expect(Self.text(play) == "2048")
    #expect(Self.asked(play).isEmpty)
  }
}
