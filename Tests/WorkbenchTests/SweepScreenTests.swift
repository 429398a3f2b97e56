import Engine
import TerminalUI
import Testing
import Workbench

/// A sweep that is watched: its tasks, those that failed, and what came of it on Compare.
@Suite struct SweepScreenTests {
  private static func opened(width: Int = 100, height: Int = 30) -> Play {
    var play = Play(width: width, height: height)
    play.press("R", "o", "/data/night", "enter")
    return play
  }

  @Test func itSaysWhatItIsForBeforeASweepIsOpen() {
    var play = Play()
    play.press("R")
    ScreensTests.expect(
      SweepScreen.id, shows: ["No sweep is open", "nibble sweep plan", "open a sweep"], in: play)
    play.press("v")
    #expect(play.screen().contains("No sweep is open yet: o opens one"))
  }

  @Test func tasksAreListedWithWhatCameOfThem() {
    ScreensTests.expect(
      SweepScreen.id,
      shows: [
        "night", "runs here", "50 %", "3 of 6 tasks finished, 2 wait, 1 failed", "W4A16",
        "wiki.txt, short", "chat", "0.0213", "0.25 s", "look again",
      ], in: Self.opened())
  }

  @Test func failuresShowWhatTheySaidLast() {
    var play = Self.opened()
    play.press("v")
    for words in ["tasks that failed", "exit code 1", "2 attempts", "wiki.txt holds 6 tokens"] {
      #expect(play.screen().contains(words), "\(play.screen())")
    }
    #expect(!play.screen().contains("W4A16"))
    play.press("v", "/", "kv8", "enter")
    #expect(play.screen().contains("KV8") && !play.screen().contains("W4A16"))
  }

  /// It is looked at again while it grows, every two seconds and no more often, and no more when it is whole.
  @Test func itGrows() {
    var play = Self.opened()
    func looks() -> Int { play.started(SweepJob.self).count }
    let first = looks()
    let start = play.time
    for step in 1...5 { play.send(.tick(milliseconds: start + step * 1000)) }
    #expect((first + 2...first + 3).contains(looks()), "\(looks()) after \(first)")
    play.finish(
      SweepJob(path: "/data/night"), SampleSweep.report("/data/night", finished: 6))
    let whole = looks()
    for step in 6...12 { play.send(.tick(milliseconds: start + step * 1000)) }
    #expect(looks() == whole)
    #expect(play.screen().contains("compare what came of it"))
  }

  @Test func anotherScreenDoesNotLook() {
    var play = Self.opened()
    play.press("1")
    let before = play.started(SweepJob.self).count
    for step in 1...5 { play.send(.tick(milliseconds: play.time + step * 1000)) }
    #expect(play.started(SweepJob.self).count == before)
  }

  @Test func whatCameOfItStandsOnCompare() {
    var play = Play()
    let before = CompareScreen.runs(play.state).count
    play.press("9", "o", "/data/night", "enter")
    #expect(play.state.screen == SweepScreen.id)
    play.press("9")
    // One task of a recipe has quality; full precision has its own row.
    #expect(CompareScreen.runs(play.state).count > before)
    #expect(play.screen(width: 160).contains("W4A16 ("))
    play.press("/", "task 2", "enter", "down", "x")
    #expect(play.screen().contains("This row is a task of a sweep"))
  }
}
