import Engine
import Serving
import TerminalUI
import Testing
import Workbench

/// The picture of traffic over time, the table of forms below it, and what is chosen for it.
@Suite struct TrafficScreenTests {
  private static func opened(width: Int = 100, height: Int = 30) -> Play {
    var play = Play(width: width, height: height)
    play.send(.launch(model: nil))
    play.press("T")
    return play
  }

  private static func served() -> Play {
    var play = opened()
    play.press("m")
    return play
  }

  @Test func itSaysWhatItIsForBeforeAnythingIsServed() {
    ScreensTests.expect(
      TrafficScreen.id,
      shows: ["Nothing is served yet", "Enter", "serve the trace", "rate", "begin alike"],
      in: Self.opened())
    ScreensTests.expect(
      TrafficScreen.id, shows: ["open a model first"], in: Play(catalog: false))
  }

  @Test func theTableAndThePictureShowEveryForm() {
    ScreensTests.expect(
      TrafficScreen.id,
      shows: [
        "sequences at once, over time", "median and 99th percentile", "steps timed here",
        "first token",
        "a token", "tok/s", "FP baseline", "rtn:4:128", "kv=int8", "fit off by",
      ], in: Self.served())
  }

  @Test func vShowsOtherFigures() {
    var play = Self.served()
    for words in [
      "cache held", "requests that wait", "first token, over time", "sequences at once",
    ] {
      play.press("v")
      #expect(play.screen().contains(words), "\(play.screen())")
    }
  }

  @Test func arrowsGoOverForms() {
    var play = Self.served()
    play.press("down")
    #expect(play.screen().contains("╭ weights=rtn:4:128 "))
    play.press("up", "up")
    #expect(play.screen().contains("╭ FP baseline "))
  }

  @Test func choicesReachTheJob() throws {
    var play = Self.opened()
    play.press("right", "down", "down", "right", "m")
    let options = try #require(play.state.facts.job(TrafficJob.self)?.options)
    guard case .drawn(let drawn) = options.source else {
      Issue.record("not drawn")
      return
    }
    #expect(drawn.rate == 5 && drawn.burst == 2 && drawn.requests == 200)
    #expect(options.recipes.count == 3 && options.isMeasured)
    try options.check()
    #expect(throws: Never.self) { try drawn.check() }
  }
}
