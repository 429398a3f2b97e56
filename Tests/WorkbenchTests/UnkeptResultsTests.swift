import Engine
import TerminalUI
import Testing
import Workbench

/// What throws measurements away asks first, where no run keeps them.
@Suite struct UnkeptResultsTests {
  /// A walk whose run is saved, and another measurement after it.
  private static func measured() -> Play {
    var play = Play.walk()
    play.finish(
      EvaluateJob(options: play.state.choices[QualityScreen.self].evaluation), SampleRun.evaluation)
    return play
  }

  /// Types the path of another model into the Model screen.
  private static func open(_ play: inout Play) {
    play.press("1", "o")
    for letter in "/b" { play.press(String(letter)) }
    play.press("enter")
  }

  private static func opens(_ play: Play) -> Bool {
    play.started(LoadJob.self).contains { $0.job.path == "/b" }
  }

  @Test func anotherModelAsksAndNamesWhatIsLost() throws {
    var play = Self.measured()
    Self.open(&play)
    guard case .confirm(let question)? = play.state.overlay else {
      Issue.record("expected a question")
      return
    }
    #expect(question.title.contains("its quality"))
    #expect(play.screen().contains("No run keeps what was measured"))
    play.press("n")
    #expect(play.state.overlay == nil && !Self.opens(play))
    #expect(play.state.facts.evaluation != nil)
  }

  @Test func yesGoesOn() throws {
    var play = Self.measured()
    Self.open(&play)
    play.press("y")
    #expect(play.state.overlay == nil && Self.opens(play))
  }

  @Test func whatARunKeepsIsNotAskedAbout() throws {
    var play = Play.walk()
    Self.open(&play)
    #expect(play.state.overlay == nil && Self.opens(play))
  }

  @Test func nothingMeasuredIsNothingAsked() {
    var play = Play()
    play.send(.launch(model: nil))
    Self.open(&play)
    #expect(play.state.overlay == nil && Self.opens(play))
  }
}
