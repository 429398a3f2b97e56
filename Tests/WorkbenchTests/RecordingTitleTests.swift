import Engine
import TerminalUI
import Testing
import Workbench

/// A recording asks for its title, says since when it records, and sessions of programs that did not ask still play.
@Suite struct RecordingTitleTests {
  private static func titles(_ play: Play) -> [String] {
    play.effects.compactMap { if case .startRecording(let title) = $0 { title } else { nil } }
  }

  @Test func itAsksAndTakesWhatIsTyped() {
    var play = Play()
    play.send(.launch(model: nil))
    play.press("r")
    #expect(play.state.overlay?.name == "recording")
    #expect(play.screen(width: 80, height: 24).contains("Work on"))
    #expect(play.screen().contains("just now"))
    play.press("ctrl+u", "Three bits", "enter")
    #expect(play.state.overlay == nil)
    #expect(Self.titles(play) == ["Three bits"])
    play.send(.recording(path: "/x/recording-1.session"))
    #expect(play.screen().contains("Recording to recording-1.session, from when the program began"))
    play.press("r")
    #expect(play.effects.last == .stopRecording)
  }

  @Test func nothingTypedLeavesTheSuggestionAndEscapeRecordsNothing() {
    var play = Play()
    play.send(.launch(model: nil))
    play.press("r", "ctrl+u", "enter")
    #expect(Self.titles(play) == ["Work on \(SampleRun.summary.name)"])
    play.press("r", "esc")
    #expect(play.state.overlay == nil && Self.titles(play).count == 1)
  }

  @Test func aRecordingThatBeganWithoutTheQuestionPlays() {
    var play = Play()
    play.send(.launch(model: nil))
    play.press("r")
    play.send(.recording(path: "old.session"))
    #expect(play.state.overlay == nil)
    play.press("2")
    #expect(play.state.screen == TargetScreen.id)
  }

  @Test func whenItBeganStandsInTheHeader() throws {
    var header = StoreTests.header
    header.began = "2026-11-30T21:00:00Z"
    let session = Session(header: header, lines: [])
    #expect(try Session(parsing: session.encoded(), path: "x").header == header)
    #expect(SessionDigest.markdown(session).contains("on 2026-11-30T21:00:00Z"))
  }
}
