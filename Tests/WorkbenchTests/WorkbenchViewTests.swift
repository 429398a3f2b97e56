import Engine
import TerminalUI
import Testing
import Workbench

@Suite struct WorkbenchViewTests {
  /// Every screen at every size a terminal may have, with and without data, must be drawn without a trap.
  @Test(arguments: Screens.all.map { $0.id }) func everySizeIsDrawn(_ id: String) {
    var states: [State] = [Play(catalog: false).state]
    var full = Play.walk()
    full.press("5", "enter", "f")
    states.append(full.state)
    let look = Look()
    for var state in states {
      state.show(id)
      for height in 1...70 {
        for width in 1...220 where width <= 84 || width % 12 == height % 12 {
          var buffer = CellBuffer(width: width, height: height)
          WorkbenchView.draw(state, into: &buffer, look: look)
        }
      }
    }
  }

  @Test func overlaysAreDrawnAtEverySize() {
    for keys in [["?"], [":"], ["t"], ["2", "e"], ["9", "/"], ["X"]] {
      var play = Play()
      play.send(.launch(model: nil))
      play.answers = false
      play.press("3", "enter", "enter")
      for key in keys { play.press(key) }
      for height in stride(from: 1, through: 70, by: 3) {
        for width in stride(from: 1, through: 220, by: 5) {
          var buffer = CellBuffer(width: width, height: height)
          WorkbenchView.draw(play.state, into: &buffer, look: Look())
        }
      }
    }
  }

  @Test func tooSmallSaysHowMuchIsNeededAndStillQuits() {
    var play = Play(width: 59, height: 16)
    #expect(play.screen().contains("now 59×16, needs 60×16"))
    play.press("q")
    #expect(play.effects.contains(.quit))
    #expect(!play.screen(width: 60, height: 16).contains("Too small"))
  }

  @Test(arguments: GlyphSet.Kind.allCases, ColorDepth.allCases)
  func otherTerminalsAreServed(_ kind: GlyphSet.Kind, _ depth: ColorDepth) {
    let play = Play.walk()
    let look = Look(depth: depth, glyphs: GlyphSet(kind))
    for screen in Screens.all {
      var state = play.state
      state.show(screen.id)
      let text = WorkbenchView.text(state, size: Size(width: 100, height: 30), look: look)
      #expect(text.split(separator: "\n", omittingEmptySubsequences: false).count == 30)
    }
  }

  /// A newcomer at 80 × 24 reads, on each screen, what it is and what Enter does; nothing of a row is lost by wrapping.
  @Test func smallScreensKeepTheHintOfEnter() {
    let play = Play.walk(width: 80, height: 24)
    for screen in Screens.walk {
      var state = play.state
      state.show(screen.id)
      let text = WorkbenchView.text(state, size: Size(width: 80, height: 24))
      let rows = text.split(separator: "\n", omittingEmptySubsequences: false)
      #expect(rows[0].contains(screen.title.uppercased()))
      if let step = screen.step(state) { #expect(rows[23].contains("Enter \(step.label)")) }
    }
  }

  @Test func drawingIsPure() {
    let play = Play.walk()
    #expect(play.screen() == play.screen())
  }

  @Test func aRunningJobShowsOnEveryScreen() {
    var play = Play()
    play.send(.launch(model: nil))
    play.press("3", "enter")
    play.answers = false
    play.press("enter")
    let id = play.state.jobs.active?.id
    #expect(id != nil)
    if let id { play.job(.progressed(id: id, progress: Play.progress(14))) }
    for screen in Screens.all {
      var state = play.state
      state.show(screen.id)
      let text = WorkbenchView.text(state, size: Size(width: 100, height: 30))
      #expect(text.contains("25 %") && text.contains("left"), "\(screen.title)")
    }
  }
}
