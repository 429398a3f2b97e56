import Engine
import TerminalUI
import Testing
import Workbench

/// Everything that is drawn to be chosen from can be clicked, on every screen and size, by what was marked where it was drawn.
@Suite struct PointerTests {
  private static func click(_ play: inout Play, _ x: Int, _ y: Int) {
    play.send(.input(event: .mouse(event: MouseEvent(.press, button: .left, x: x, y: y))))
    play.send(.input(event: .mouse(event: MouseEvent(.release, button: .left, x: x, y: y))))
  }

  /// Whether the cursor stands on what was clicked.
  private static func isOn(_ target: Hit.Target, _ hits: [Hit]) -> Bool {
    hits.contains { hit in
      switch (hit.target, target) {
      case (.row(let row, let chosen), .row(let asked, _)): row == asked && chosen == asked
      case (.field(let field, let chosen, _), .field(let asked, _, _)):
        field == asked && chosen == asked
      case (.cell(let place, let cursor), .cell(let asked, _)): place == asked && cursor == asked
      default: false
      }
    }
  }

  /// Where cursors stand.
  private static func cursors(_ hits: [Hit]) -> Set<Hit.Target> {
    Set(
      hits.map(\.target).filter { isOn($0, [Hit(Rect(x: 0, y: 0, width: 1, height: 1), $0)]) })
  }

  @Test(
    arguments: Screens.all.map { $0.id },
    [Size(width: 80, height: 24), Size(width: 200, height: 60)])
  func whatIsDrawnCanBeClicked(_ id: String, _ size: Size) throws {
    var play = Play.walk(width: size.width, height: size.height)
    let screen = try #require(Screens.named(id))
    play.press(screen.shortcut.key)
    try #require(play.state.screen == id)
    play.answers = false
    var clicked = 0
    for hit in WorkbenchView.hits(play.state) {
      let (x, y) = (hit.rect.x + hit.rect.width / 2, hit.rect.y)
      let found = WorkbenchView.hits(play.state)
      guard found.target(x: x, y: y) == hit.target else { continue }
      var copy = play
      switch hit.target {
      case .row, .field, .cell:
        Self.click(&copy, x, y)
        let after = WorkbenchView.hits(copy.state)
        // A pane that takes no focus is looked at: a click on it moves no cursor elsewhere.
        if found.isFocused(x: x, y: y) == false, after.isFocused(x: x, y: y) == false,
          copy.state.screen == id, Self.cursors(found) != Self.cursors(after)
        {
          #expect(Self.isOn(hit.target, after), "\(id): \(hit.target) moved another cursor")
        }
        // A picture without a cursor stays one; all else has the cursor where the click was.
        let hasCursor = after.contains { Self.isOn($0.target, [$0]) }
        if copy.state.screen == id, hasCursor, found.isFocused(x: x, y: y) != false {
          #expect(Self.isOn(hit.target, after), "\(id): \(hit.target) at \(x), \(y)")
          clicked += 1
        }
      case .key(let press):
        #expect(
          Dispatch.active(copy.state).contains { $0.keys.contains(press) }, "\(id): \(press.name)")
      case .pane, .modal: break
      }
    }
    let choosable = WorkbenchView.hits(play.state).count {
      switch $0.target {
      case .row(_, let chosen), .field(_, let chosen, _): chosen != nil
      case .cell(_, let cursor): cursor != nil
      default: false
      }
    }
    #expect(choosable == 0 || clicked > 0)
  }

  /// A click into another pane brings the focus there, and the cursor to what was clicked.
  @Test func aClickBringsTheFocus() throws {
    var play = Play.walk(width: 120, height: 36)
    play.press("3")
    let hits = WorkbenchView.hits(play.state)
    let other = try #require(
      hits.first { hit in
        guard case .row(let row, _) = hit.target, row > 0 else { return false }
        return hits.isFocused(x: hit.rect.x, y: hit.rect.y) == false
      })
    Self.click(&play, other.rect.x + 1, other.rect.y)
    let after = WorkbenchView.hits(play.state)
    #expect(after.isFocused(x: other.rect.x + 1, y: other.rect.y) == true)
  }

  @Test func aFieldIsChangedByASecondClick() throws {
    var play = Play.walk(width: 120, height: 36)
    play.press("2")
    let field = try #require(
      WorkbenchView.hits(play.state).first { hit in
        if case .field(let place, let chosen, _) = hit.target {
          place != chosen
        } else {
          false
        }
      })
    Self.click(&play, field.rect.x + 1, field.rect.y)
    #expect(play.state.overlay == nil)
    Self.click(&play, field.rect.x + 1, field.rect.y)
    #expect(play.state.overlay?.name == "edit")
  }

  @Test func hintsAndDialogsAreClicked() throws {
    var play = Play.walk(width: 100, height: 30)
    func place(_ press: String, _ play: Play) throws -> Hit {
      let key = try #require(KeyPress(name: press))
      return try #require(WorkbenchView.hits(play.state).last { $0.target == .key(key) })
    }
    let help = try place("?", play)
    Self.click(&play, help.rect.x, help.rect.y)
    #expect(play.state.overlay?.name == "help")
    Self.click(&play, 0, 0)
    #expect(play.state.overlay == nil, "a click next to what is open closes it")
    play.press(":")
    let rows = WorkbenchView.hits(play.state).filter {
      if case .row = $0.target { true } else { false }
    }
    let third = try #require(rows.dropFirst(2).first)
    Self.click(&play, third.rect.x, third.rect.y)
    guard case .palette(let palette)? = play.state.overlay else {
      Issue.record("the palette is closed")
      return
    }
    #expect(palette.selected == 2)
  }

  /// A question is answered by clicking its words.
  @Test func aQuestionIsAnsweredByItsWords() throws {
    var play = Play()
    play.send(.launch(model: nil))
    play.answers = false
    play.press("2", "3", "enter", "enter", "q")
    try #require(play.state.overlay?.name == "confirm")
    let no = try #require(
      WorkbenchView.hits(play.state).first { $0.target == .key(.character("n")) && $0.rect.y < 28 })
    Self.click(&play, no.rect.maxX - 1, no.rect.y)
    #expect(play.state.overlay == nil && play.state.jobs.active != nil)
  }

  /// The wheel moves what lies under it.
  @Test func theWheelIsForThePaneUnderIt() throws {
    var play = Play.walk(width: 120, height: 36)
    play.press("3")
    let hits = WorkbenchView.hits(play.state)
    let other = try #require(
      hits.first { hit in
        guard case .row = hit.target else { return false }
        return hits.isFocused(x: hit.rect.x, y: hit.rect.y) == false
      })
    play.send(
      .input(event: .mouse(event: MouseEvent(.wheelDown, x: other.rect.x + 1, y: other.rect.y))))
    #expect(
      WorkbenchView.hits(play.state).isFocused(x: other.rect.x + 1, y: other.rect.y) == true)
  }

  /// A terminal without colours lays tall maps out otherwise; a click there means what it shows.
  @Test func aMapWithoutColoursIsClickedAsItIsDrawn() throws {
    var play = Play.walk(width: 100, height: 30)
    play.press("5")
    let look = Look(depth: .mono)
    let cell = try #require(
      WorkbenchView.hits(play.state, look: look).last { hit in
        if case .cell(_, .some) = hit.target { true } else { false }
      })
    var event = MouseEvent(.press, button: .left, x: cell.rect.x, y: cell.rect.y)
    event.isCoarse = true
    play.send(.input(event: .mouse(event: event)))
    #expect(Self.isOn(cell.target, WorkbenchView.hits(play.state, look: look)))
  }

  private static func drag(_ play: inout Play, to x: Int, _ y: Int) {
    play.send(.input(event: .mouse(event: MouseEvent(.drag, button: .left, x: x, y: y))))
  }

  @Test func cellsThatThePointerIsDraggedOverAreMarked() throws {
    var play = Play.walk(width: 120, height: 36)
    play.press("5")
    func place(_ row: Int, _ column: Int) throws -> Rect {
      try #require(
        WorkbenchView.hits(play.state).first { hit in
          if case .cell(let place, _) = hit.target {
            place == Heatmap.Place(row: row, column: column)
          } else {
            false
          }
        }
      ).rect
    }
    let (first, second) = (try place(0, 0), try place(0, 1))
    Self.click(&play, first.x, first.y)
    #expect(play.state[HeatmapScreen.self].restored.isEmpty)
    Self.drag(&play, to: first.x, first.y)
    #expect(play.state[HeatmapScreen.self].restored.isEmpty, "not moved to another cell yet")
    Self.drag(&play, to: second.x, second.y)
    let marked = play.state[HeatmapScreen.self].restored
    #expect(marked.count == 2)
    // Back over them leaves them marked.
    Self.drag(&play, to: first.x, first.y)
    #expect(play.state[HeatmapScreen.self].restored == marked)
    #expect(play.state[HeatmapScreen.self].column == 0)
  }

  @Test func aListFollowsThePointer() throws {
    var play = Play.walk(width: 120, height: 36)
    play.press("3")
    let hits = WorkbenchView.hits(play.state)
    let rows = hits.filter { hit in
      guard case .row(_, .some) = hit.target else { return false }
      return hits.isFocused(x: hit.rect.x, y: hit.rect.y) == true
    }
    let last = try #require(rows.last)
    Self.drag(&play, to: last.rect.x, last.rect.y)
    #expect(Self.isOn(last.target, WorkbenchView.hits(play.state)))
  }

  /// What the pointer rests on is told in full; it is no part of the state, and nothing is told under a window.
  @Test func whatThePointerRestsOnIsTold() throws {
    var play = Play.walk(width: 120, height: 36)
    play.press("5")
    let cell = try #require(
      WorkbenchView.hits(play.state).first { hit in
        if case .cell = hit.target { true } else { false }
      })
    func told() -> String? {
      var buffer = Look().buffer(play.state.size)
      buffer.pointer = Point(x: cell.rect.x, y: cell.rect.y)
      WorkbenchView.draw(play.state, into: &buffer, look: Look())
      if let words = buffer.readOut { #expect(buffer.snapshot().contains(words)) }
      return buffer.readOut
    }
    let words = try #require(told())
    let map = try #require(play.state.facts.quantized?.maps.first)
    #expect(words.hasPrefix("\(map.rows[0])  \(map.columns[0])  "))
    play.press("?")
    #expect(told() == nil)
  }
}
