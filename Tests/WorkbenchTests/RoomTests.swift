import Engine
import TerminalUI
import Testing
import Workbench

/// What a screen needs of the rest: a place in the state that nobody has to open, a key, a step of the walk.
@Suite struct RoomTests {
  /// A screen that the program does not know.
  private enum ScratchScreen: Screen {
    struct View: Remembered, Filtered {
      var selected = 0
      var filter = ""
    }

    struct Choice: Remembered {
      var depth = 7
    }

    static let id = "scratch"
    static let title = "Scratch"
    static let question = "Does a new screen open the state?"
    static let shortcut = Shortcut("Z")
    static let bindings: [Binding] = []
    static func step(_ state: State) -> Step? { nil }
    static func move(_ motion: Motion, _ state: inout State) -> [Effect] { [] }
    static func draw(_ state: State, in rect: Rect, of buffer: inout CellBuffer, look: Look) {}
  }

  @Test func aScreenRemembersWithoutTheStateKnowingIt() {
    var state = State()
    #expect(state[ScratchScreen.self].selected == 0)
    #expect(state.choices[ScratchScreen.self].depth == 7)
    let before = state
    state[ScratchScreen.self].selected = 3
    state.choices[ScratchScreen.self].depth = 9
    #expect(state[ScratchScreen.self].selected == 3)
    #expect(state.choices[ScratchScreen.self].depth == 9)
    #expect(state != before && state.hashValue != before.hashValue)
    #expect(state[BatchScreen.self] == BatchScreen.View(), "others are left alone")
    ScratchScreen.filter("x", &state)
    #expect(state[ScratchScreen.self].filter == "x" && state[ScratchScreen.self].selected == 0)
    state[ScratchScreen.self] = ScratchScreen.View()
    state.choices[ScratchScreen.self].depth = 7
    #expect(state == before, "as it began is as if never touched")
    #expect(state.hashValue == before.hashValue)
  }

  @Test func placesAreScreens() {
    for place in Place.all { #expect(Screens.named(place) != nil, "\(place)") }
    #expect(State().screen == Screens.all[0].id)
  }

  /// Digits in the order of the walk, capital letters outside it, none twice.
  @Test func everyScreenDeclaresItsKey() {
    #expect(Screens.walk.map { $0.shortcut.key } == (1...Screens.walk.count).map { "\($0)" })
    #expect(Screens.all.prefix(Screens.walk.count).allSatisfy { $0.isInWalk })
    let others = Screens.all.filter { !$0.isInWalk }
    for screen in others {
      let key = screen.shortcut.key
      #expect(key.count == 1 && key.first?.isUppercase == true, "\(screen.title): \(key)")
    }
    #expect(Set(Screens.all.map { $0.shortcut.key }).count == Screens.all.count)
    for screen in Screens.all {
      var play = Play()
      play.press(screen.shortcut.key)
      #expect(play.state.screen == screen.id)
      #expect(
        Keymap.global.contains { $0.keys == KeyPress(name: screen.shortcut.key).map { [$0] } ?? [] }
      )
    }
  }

  /// The marks of the walk come one by one, with what each step makes.
  @Test func stepsAreDoneWhenTheyHaveTheirResult() {
    func done(_ play: Play) -> [String] {
      Screens.walk.filter { $0.isDone(play.state) }.map { $0.title }
    }
    var play = Play()
    #expect(done(play).isEmpty)
    play.send(.launch(model: nil))
    #expect(done(play) == ["Model"])
    play.press("2", "3", "down", "enter")
    #expect(done(play) == ["Model", "Target", "Method"])
    play.press("enter")
    #expect(done(play) == ["Model", "Target", "Method", "Calibrate", "Heatmap"])
    play.press("6", "enter", "7", "enter", "8", "enter")
    #expect(
      done(play) == [
        "Model", "Target", "Method", "Calibrate", "Heatmap", "Quality", "Profile", "Verdict",
      ])
    #expect(play.screen(width: 140).split(separator: "\n")[0].contains("✓"))
  }

  /// Going to a screen asks for what it needs, each time it is gone to.
  @Test func aScreenThatComesUpAsksForWhatItNeeds() {
    var state = State()
    state.facts[LoadJob.self] = SampleRun.summary
    let plans = update(&state, .key(.character("2"))).count
    #expect(plans == 1, "Target plans")
    #expect(update(&state, .key(.character("3"))).count == 1, "Method prices")
    #expect(update(&state, .key(.character("4"))).isEmpty)
  }

  /// A run that begins shows itself, and its end puts the cursor of the maps back.
  @Test func screensHearOfJobs() {
    var play = Play.walk()
    play.press("5", "down", "right", "4", "m")
    #expect(play.state[CalibrateScreen.self].showsSurvey)
    #expect(play.state[HeatmapScreen.self].row == 1)
    play.press("3", "tab", "right", "enter")
    #expect(!play.state[CalibrateScreen.self].showsSurvey)
    #expect(play.state[HeatmapScreen.self] == HeatmapScreen.View())
  }
}
