import Engine
import TerminalUI
import Testing
import Workbench

/// The interrupt key asks while a job runs, whatever lies over the screen, and quits where none does.
@Suite struct InterruptKeyTests {
  @Test func itQuitsWhereNothingRuns() {
    var play = Play()
    play.press("ctrl+c")
    #expect(play.effects.contains(.quit))
    var helped = Play()
    helped.press("?", "ctrl+c")
    #expect(helped.effects.contains(.quit))
  }

  @Test(arguments: ["", "?", ":"])
  func itAsksWhileAJobRuns(over: String) {
    var play = Play()
    play.answers = false
    play.send(.launch(model: nil))
    play.job(.started(id: JobID(number: 1), title: "Opening"))
    #expect(play.state.jobs.active != nil)
    if !over.isEmpty { play.press(over) }
    play.press("ctrl+c")
    #expect(!play.effects.contains(.quit))
    guard case .confirm? = play.state.overlay else {
      Issue.record("expected a question")
      return
    }
    play.press("ctrl+c")
    #expect(play.effects.contains(.quit))
  }
}
