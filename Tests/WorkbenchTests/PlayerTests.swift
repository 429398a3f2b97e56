import Engine
import TerminalUI
import Testing
import Workbench

@Suite struct PlayerTests {
  static let walk: Session = {
    let play = Play.walk()
    guard let bytes = try? StoreTests.file(play.store.journal),
      let session = try? Session(parsing: bytes, path: "walk")
    else { return Session(header: StoreTests.header, lines: []) }
    return session
  }()

  @Test func playingToTheEndIsTheSameAsSeekingAndStepping() {
    var played = Player(Self.walk)
    played.isPlaying = true
    for _ in 0..<20_000 where !played.isAtEnd { played.advance(milliseconds: 33) }
    #expect(played.isAtEnd && !played.isPlaying)
    var sought = Player(Self.walk)
    sought.seek(to: .infinity)
    sought.seek(to: sought.length)
    let isSame = sought.state == played.state
    #expect(isSame)
    var stepped = Player(Self.walk)
    var steps = 0
    while !stepped.isAtEnd, steps < 100_000 {
      stepped.stepForward()
      steps += 1
    }
    let isSameAgain = stepped.state == played.state
    #expect(isSameAgain)
    #expect(steps > 50)
  }

  @Test func goingBackGivesTheStateThatWasThere() {
    var player = Player(Self.walk)
    var states: [State] = []
    while !player.isAtEnd {
      player.stepForward()
      states.append(player.state)
    }
    for state in states.dropLast().reversed() {
      player.stepBack()
      let isSame = player.state == state
      #expect(isSame, "at line \(player.index)")
    }
  }

  @Test func digitsGoToTenthsAndTheQuestionMarkShowsKeys() {
    var player = Player(Self.walk)
    func press(_ name: String) {
      guard let key = KeyPress(name: name) else { return }
      #expect(PlayerKeys.handle(.key(press: key), &player) == .stays)
    }
    press("5")
    #expect(player.position == player.length / 2)
    press("0")
    #expect(player.position == 0)
    press("?")
    var buffer = Look().buffer(Size(width: 80, height: 24))
    PlayerView.draw(player, into: &buffer, look: Look())
    #expect(buffer.snapshot().contains("Keys of the player"))
    press("q")
    #expect(!player.showsHelp, "any key closes the keys, and does nothing else")
  }

  @Test func aClickIntoTheBarGoesThereAndTheWheelSteps() {
    var player = Player(Self.walk)
    let size = Size(width: 80, height: 24)
    let bar = PlayerView.timeline(player, in: Rect(x: 0, y: 0, width: 80, height: 24))
    #expect(bar.y == 22 && bar.width > 30)
    func mouse(_ action: MouseEvent.Action, _ x: Int, _ y: Int) {
      let event = MouseEvent(action, button: .left, x: x, y: y)
      #expect(PlayerKeys.handle(.mouse(event: event), &player, size: size) == .stays)
    }
    mouse(.press, bar.maxX - 1, bar.y)
    #expect(player.position == player.length && player.isAtEnd)
    mouse(.press, bar.x + (bar.width - 1) / 2, bar.y)
    #expect(abs(player.position / player.length - 0.5) < 0.02)
    let position = player.position
    mouse(.press, bar.x, bar.y - 3)
    #expect(player.position == position, "a click elsewhere goes nowhere")
    mouse(.press, bar.x, bar.y)
    #expect(player.position == 0)
    mouse(.wheelDown, 3, 3)
    #expect(player.index > 0)
    mouse(.wheelUp, 3, 3)
    #expect(player.index == 0)
  }

  @Test func itLoopsAndPlaysPausesAsTheyWere() throws {
    let session = try SessionTests.read(
      SessionTests.head, #"{"at":0,"marker":"a"}"#, #"{"at":60000,"marker":"b"}"#)
    var capped = Player(session)
    capped.isPlaying = true
    capped.advance(milliseconds: 4000)
    #expect(capped.isAtEnd && !capped.isPlaying)
    var whole = Player(session)
    whole.capsPauses = false
    whole.loops = true
    whole.isPlaying = true
    whole.advance(milliseconds: 59_000)
    #expect(whole.position == 59_000)
    whole.advance(milliseconds: 2000)
    #expect(whole.isPlaying && whole.position < 2000)
  }

  @Test func speedsGoFromAQuarterToSixteen() {
    var player = Player(Self.walk)
    for _ in 0..<20 { player.changeSpeed(1) }
    #expect(player.speed == 16)
    for _ in 0..<20 { player.changeSpeed(-1) }
    #expect(player.speed == 0.25)
    player.isPlaying = true
    player.advance(milliseconds: 400)
    #expect(player.position == 100)
  }

  @Test func longPausesAreShortened() throws {
    let session = try SessionTests.read(
      SessionTests.head, #"{"at":1000,"message":{"launch":{}}}"#,
      #"{"at":900000,"message":{"input":{"event":{"key":{"press":"2"}}}}}"#)
    var player = Player(session)
    player.isPlaying = true
    for _ in 0..<200 { player.advance(milliseconds: 33) }
    #expect(player.isAtEnd)
  }

  @Test func aForkGoesOnLiveFromThere() throws {
    var player = Player(Self.walk)
    player.seek(to: player.length / 2)
    var store = player.fork()
    let isSame = store.state == player.state
    #expect(isSame)
    _ = store.send(.key(KeyPress.character("9")), at: Int(player.position) + 5)
    #expect(store.state.screen == CompareScreen.id)
    let again = try Session(parsing: StoreTests.file(store.journal), path: "fork")
    var replayed = State(size: again.header.size)
    for line in again.lines {
      if case .message(let message) = line.item { _ = update(&replayed, message) }
    }
    let isSameAgain = replayed == store.state
    #expect(isSameAgain)
  }

  static func lesson() throws -> Session {
    try SessionTests.read(
      SessionTests.head.replacing("\"kind\":\"session\"", with: "\"kind\":\"lesson\""),
      #"{"at":0,"message":{"catalog":{"part":{"themes":{"entries":[{"name":"dark"}]}}}}}"#,
      #"{"at":10,"say":"Welcome."}"#,
      #"{"at":20,"task":{"text":"Go to Compare.","hint":"press 9","goal":{"screen":"compare"}}}"#,
      #"{"at":30,"question":{"text":"Best?","choices":["left","right"],"answer":0,"why":"Small."}}"#,
      #"{"at":40,"message":{"input":{"event":{"key":{"press":"2"}}}}}"#)
  }

  @Test func aLessonTellsLetsTryAndAsks() throws {
    var player = Player(try Self.lesson())
    func press(_ name: String) {
      _ = PlayerKeys.handle(.key(press: KeyPress(name: name) ?? .escape), &player)
    }
    press("space")
    player.advance(milliseconds: 1000)
    #expect(player.waiting == .narration && player.caption == "Welcome.")
    press("enter")
    player.advance(milliseconds: 1000)
    guard case .task = player.waiting else {
      Issue.record("no task")
      return
    }
    press("2")
    #expect(player.shown.screen == TargetScreen.id && player.state.screen == ModelScreen.id)
    press("9")
    #expect(player.verdict?.isRight == true)
    press("enter")
    #expect(player.shown.screen == ModelScreen.id)
    player.advance(milliseconds: 1000)
    guard case .question = player.waiting else {
      Issue.record("no question")
      return
    }
    press("enter")
    #expect(player.waiting != nil)
    press("2")
    #expect(player.verdict?.isRight == false)
    press("1")
    #expect(player.verdict?.isRight == true && player.verdict?.text == "Small.")
    press("enter")
    player.advance(milliseconds: 1000)
    #expect(player.isAtEnd && player.state.screen == TargetScreen.id)
  }

  @Test func theViewShowsWhatIsSaidAndTheBar() throws {
    var player = Player(try Self.lesson())
    player.isPlaying = true
    player.advance(milliseconds: 1000)
    var buffer = Look().buffer(Size(width: 100, height: 30))
    PlayerView.draw(player, into: &buffer, look: Look())
    let text = buffer.snapshot()
    #expect(text.contains("Welcome.") && text.contains("Enter go on") && text.contains("take over"))
  }

  @Test func everySizeCanBeDrawn() throws {
    var player = Player(try Self.lesson())
    player.isPlaying = true
    player.advance(milliseconds: 1000)
    for width in stride(from: 1, through: 140, by: 7) {
      for height in 1...45 {
        var buffer = Look().buffer(Size(width: width, height: height))
        PlayerView.draw(player, into: &buffer, look: Look())
      }
    }
  }

  @Test func framesComeWithoutATerminal() {
    let size = Size(width: 100, height: 30)
    let last = PlayerView.frame(Self.walk, at: .infinity, size: size)
    #expect(PlayerView.frame(Self.walk, at: 0, size: size).contains("MODEL"))
    // The walk ends on Verdict, with the run saved.
    #expect(last.contains("VERDICT") && !last.contains("MODEL"))
    #expect(last.contains("2026-11-23-1"))
  }
}
