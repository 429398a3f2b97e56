import TerminalUI
import Testing
import Workbench

@Suite struct KeymapTests {
  @Test func noKeyIsBoundTwiceInAScope() {
    for scope in Dispatch.scopes {
      var owners: [KeyPress: String] = [:]
      for binding in scope.bindings {
        for key in binding.keys {
          #expect(
            owners[key] == nil,
            "\(scope.title): \(key.name) is \(owners[key] ?? "") and \(binding.name)")
          owners[key] = binding.name
        }
      }
    }
  }

  @Test func noScreenTakesAGlobalKey() {
    let global = Set(Keymap.global.flatMap(\.keys))
    for screen in Screens.all {
      for binding in screen.bindings {
        for key in binding.keys {
          #expect(!global.contains(key), "\(screen.title): \(key.name) for \(binding.name)")
        }
      }
    }
  }

  @Test func everyBindingHasAKeyANameAndASentence() {
    for scope in Dispatch.scopes {
      for binding in scope.bindings {
        #expect(
          !binding.keys.isEmpty, "\(scope.title): \(binding.name) has no key, or a misspelt one")
        #expect(!binding.name.isEmpty)
        #expect(
          binding.help.hasSuffix(".") || binding.help.hasSuffix("?"),
          "\(scope.title): \(binding.help)")
      }
    }
  }

  @Test func digitsShowTheScreensOfTheWalk() {
    var play = Play()
    for (index, screen) in Screens.walk.enumerated() {
      play.press("\(index + 1)")
      #expect(play.state.screen == screen.id)
    }
    play.press("S")
    #expect(play.state.screen == SessionsScreen.id)
    play.press("L")
    #expect(play.state.screen == LessonsScreen.id)
  }

  @Test func nextAndBackWalkWithoutLeavingTheWalk() {
    var play = Play()
    play.press("N")
    #expect(play.state.screen == ModelScreen.id)
    for _ in 0..<20 { play.press("n") }
    #expect(play.state.screen == CompareScreen.id)
  }

  @Test func helpListsEveryKeyOfTheScreen() {
    var play = Play(width: 200, height: 60)
    for (index, screen) in Screens.walk.enumerated() {
      play.press("\(index + 1)", "?")
      let text = play.screen(width: 200, height: 60)
      #expect(text.contains(screen.title))
      for binding in screen.bindings.prefix(6) {
        #expect(text.contains(String(binding.help.prefix(40))))
      }
      play.press("esc")
      #expect(play.state.overlay == nil)
    }
  }

  @Test func paletteFindsByAFewLettersAndDoesIt() {
    var play = Play()
    play.press(":")
    #expect(play.screen().contains("Palette"))
    play.press("heatm", "enter")
    #expect(play.state.screen == HeatmapScreen.id)
    #expect(play.state.overlay == nil)
    play.press(":", "zzzz")
    #expect(play.screen().contains("Nothing is called that"))
    play.press("enter")
    #expect(play.state.overlay == nil)
  }

  @Test func quitAsksWhileAJobRuns() {
    var play = Play()
    play.press("q")
    #expect(play.effects.contains(.quit))
    var busy = Play()
    busy.answers = false
    busy.send(.launch(model: nil))
    busy.press("q")
    #expect(!busy.effects.contains(.quit))
    #expect(busy.screen().contains("Really?"))
    busy.press("n")
    #expect(busy.state.overlay == nil)
    busy.press("q", "y")
    #expect(busy.effects.contains(.quit))
  }
}
