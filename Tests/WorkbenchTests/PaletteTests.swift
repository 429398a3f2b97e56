import Engine
import Models
import Quantization
import TerminalUI
import Testing
import Workbench

/// The palette finds everything there is to go to, and goes there.
@Suite struct PaletteTests {
  private static func found(_ text: String, _ play: Play) -> [Palette.Entry] {
    var palette = Palette()
    palette.editor.insert(text)
    return palette.entries(play.state)
  }

  @Test func aMethodIsFoundByItsName() throws {
    var play = Play.walk(width: 120, height: 36)
    play.press(":", "gptq", "enter")
    #expect(play.state.overlay == nil && play.state.screen == MethodScreen.id)
    #expect(play.state[MethodScreen.self].slot.target == .weights)
    let chosen = WorkbenchView.hits(play.state).contains { hit in
      if case .row(let row, let chosen) = hit.target {
        row == chosen && play.screen().split(separator: "\n")[hit.rect.y].contains("GPTQ")
      } else {
        false
      }
    }
    #expect(chosen, "the cursor is on it")
    // The cache's methods are in another list.
    let cache = try #require(play.state.catalog.methods.first { $0.target == .kvCache })
    play.press(":", "\(cache.name): \(cache.title)", "enter")
    #expect(play.state[MethodScreen.self].slot.target == .kvCache)
  }

  @Test func layersSettingsRunsAndThemesAreFound() throws {
    var play = Play.walk(width: 120, height: 36)
    play.press(":", "layer 3.down", "enter")
    #expect(play.state.screen == HeatmapScreen.id)
    #expect(play.state[HeatmapScreen.self].row == 3)
    play.press(":", "setting: requests", "enter")
    #expect(play.state.screen == TargetScreen.id)
    let place = play.state[TargetScreen.self].selected
    #expect(TargetScreen.settings(play.state)[place].field.label.lowercased().contains("requests"))
    let entry = try #require(
      Self.found("run ", play).first { $0.binding.name.hasPrefix("run ") })
    #expect(entry.place == CompareScreen.title)
    let themes = Self.found("theme", play).filter { $0.binding.name.hasPrefix("theme ") }
    #expect(themes.count == play.state.catalog.themes.count)
  }

  /// Nothing typed: the keys of the screen, as they are in help, and no flood of things.
  @Test func withoutWordsThereAreKeysOnly() {
    let play = Play.walk()
    #expect(Palette().entries(play.state).allSatisfy { !$0.binding.keys.isEmpty })
    #expect(Self.found("zzqqxx", play).isEmpty)
    #expect(Self.found("help: target", play).first?.binding.name == "help: Target")
  }
}
