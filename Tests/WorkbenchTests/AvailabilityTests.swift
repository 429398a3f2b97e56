import Engine
import Quantization
import TerminalUI
import Testing
import Workbench

/// A key that can do nothing says why: as a notice, in help and in the palette.
@Suite struct AvailabilityTests {
  /// States in which much is missing: nothing open, a model open, a run done, a job under way.
  static let plays: [Play] = {
    var opened = Play()
    opened.send(.launch(model: nil))
    var busy = opened
    busy.press("3", "down", "enter")
    busy.answers = false
    busy.press("enter")
    return [Play(catalog: false), opened, Play.walk(), busy]
  }()

  @Test(arguments: Screens.all.map { $0.id }) func everyKeyThatCannotSaysWhy(_ id: String) throws {
    let screen = try #require(Screens.named(id))
    for play in Self.plays {
      var before = play.state
      before.show(id)
      for binding in screen.bindings + Keymap.global {
        guard let reason = binding.reason(before) else { continue }
        #expect(!reason.isEmpty && !reason.hasSuffix("."), "\(screen.title), \(binding.name)")
        #expect(reason.first?.isLowercase == false, "\(screen.title): \(reason)")
        var state = before
        state.notices = []
        let effects = update(&state, .key(binding.keys[0]))
        #expect(effects.isEmpty, "\(screen.title), \(binding.name) did something")
        #expect(state.notices.map(\.text) == [reason], "\(screen.title), \(binding.name)")
        // Nothing but the notice is new.
        state.notices = before.notices
        let isSame = state == before
        #expect(isSame, "\(screen.title), \(binding.name) changed something")
      }
    }
  }

  /// Before anything is measured most screens have keys that must wait.
  @Test func thereAreReasonsToTest() {
    var state = Play(catalog: false).state
    var count = 0
    for screen in Screens.all {
      state.show(screen.id)
      count += screen.bindings.count { $0.reason(state) != nil }
    }
    #expect(count > 35)
  }

  @Test func theNoticeIsOnTheScreen() {
    var play = Play()
    play.send(.launch(model: nil))
    play.press("5", ".")
    #expect(
      play.screen(width: 80, height: 24).contains("Nothing is quantized yet: choose a method"))
    play.send(.tick(milliseconds: 60_000))
    play.press("M")
    #expect(play.screen().contains("Nothing is recorded: r starts a recording"))
    play.press("p")
    #expect(play.screen().contains("No job runs"))
    #expect(!play.effects.contains { if case .mark = $0 { true } else { false } })
  }

  @Test func enterWithoutAStepSaysWhatItWaitsFor() {
    var play = Play()
    play.send(.launch(model: nil))
    play.answers = false
    play.press("K", "enter", "enter")
    #expect(play.screen(width: 120).contains("Not while this runs"))
    #expect(play.state.jobs.jobs.count { !$0.status.isOver && $0.isHeavy } == 1)
    var broken = Play()
    broken.press("end", "enter")
    #expect(broken.screen(width: 120).contains("broken cannot be opened: config.json"))
  }

  @Test func helpSaysWhyAKeyCannot() {
    var play = Play(width: 120, height: 40)
    play.send(.launch(model: nil))
    play.press("5", "?")
    #expect(play.screen().contains("now: Nothing is quantized yet"))
    var done = Play.walk(width: 120, height: 40)
    done.press("5", "?")
    #expect(!done.screen().contains("now: Nothing is quantized yet"))
    #expect(done.screen().contains("now: No cell is marked"))
  }

  @Test func thePaletteShowsWhatCannotBeDoneLastAndSaysWhy() {
    var play = Play()
    play.send(.launch(model: nil))
    play.press("5", ":", "metric")
    #expect(play.screen().contains("now: Nothing is quantized yet"))
    guard case .palette(let typed) = play.state.overlay,
      let place = typed.entries(play.state).firstIndex(where: { $0.binding.name == "metric" })
    else {
      Issue.record("no entry")
      return
    }
    for _ in 0..<place { play.press("down") }
    play.press("enter")
    #expect(play.state.overlay == nil)
    #expect(play.state.notices.last?.text.hasPrefix("Nothing is quantized yet") == true)
    play.press(":")
    guard case .palette(let palette) = play.state.overlay else {
      Issue.record("no palette")
      return
    }
    let reasons = palette.entries(play.state).map { $0.reason == nil }
    #expect(reasons.contains(false) && reasons.contains(true))
    #expect(reasons == reasons.sorted { $0 && !$1 }, "what can be done comes first")
  }
}
