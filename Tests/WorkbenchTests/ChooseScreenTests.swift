import Engine
import Planning
import Quantization
import TerminalUI
import Testing
import Workbench

/// The screen that chooses: what it says before, the table as it grows, the answer, and what Enter leads to.
@Suite struct ChooseScreenTests {
  private static func opened(width: Int = 100, height: Int = 30) -> Play {
    var play = Play(width: width, height: height)
    play.send(.launch(model: nil))
    play.press("D")
    return play
  }

  @Test func itSaysWhatItIsForBeforeAnythingIsChosen() {
    ScreensTests.expect(
      ChooseScreen.id,
      shows: [
        "Nothing is chosen yet", "limits", "KL at most", "0.0200", "nats", "Enter",
        "choose",
      ], in: Self.opened())
    ScreensTests.expect(
      ChooseScreen.id, shows: ["open a model first"], in: Play(catalog: false))
  }

  @Test(arguments: [(80, 24), (100, 30), (200, 60)])
  func theAnswerStandsAboveTheTable(_ size: (Int, Int)) {
    var play = Self.opened(width: size.0, height: size.1)
    play.press("enter")
    let screen = play.screen(width: size.0, height: size.1)
    for words in [
      "the recipe", "activations int8", "candidates", "baseline", "timed", "over the limits",
      "left early", "left out", "1.62x",
    ] {
      #expect(screen.contains(words), "\(words) at \(size):\n\(screen)")
    }
    #expect(screen.contains("take the recipe"))
  }

  /// Rows stand in the table as a running job tells of them, each once.
  @Test func rowsComeOneAfterTheOther() {
    var play = Self.opened()
    play.answers = false
    play.press("m")
    guard let started = play.started(ChooseJob.self).last else {
      Issue.record("no job")
      return
    }
    play.job(.started(id: started.id, title: "Choosing a method"))
    var row = SampleChoice.rows[0]
    let kl = row.kl
    row.kl = nil
    row.timing = nil
    row.standing = .untimed
    play.job(.part(id: started.id, ChooseJob.self, row))
    #expect(play.screen().contains("waits"))
    row.kl = kl
    play.job(.part(id: started.id, ChooseJob.self, row))
    #expect(play.screen().contains("measured") && !play.screen().contains("waits"))
  }

  @Test func theRecipeIsTakenOver() {
    var play = Self.opened()
    play.press("m", "u")
    #expect(play.state.choices.recipe == Recipe(activations: MethodChoice(method: "int8")))
    #expect(play.state.screen == MethodScreen.id)
  }

  /// What is typed is what the job is asked for.
  @Test func limitsReachTheJob() {
    var play = Self.opened()
    play.answers = false
    play.press("e", "backspace", "5", "enter", "down", "left", "m")
    let options = play.started(ChooseJob.self).last?.job.options
    #expect(options?.mostKL == 0.05 && options?.leastTopOne == 0.8)
    #expect(options?.workload == play.state.choices.workload)
  }

  @Test func aCandidateTellsWhyItStandsWhereItDoes() {
    var play = Self.opened()
    play.press("m", "tab", "down", "down", "down", "down")
    #expect(play.screen(width: 120, height: 30).contains("more than 12 MB"))
  }
}
