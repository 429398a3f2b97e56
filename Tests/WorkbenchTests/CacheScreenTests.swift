import Engine
import Models
import Quantization
import TerminalUI
import Testing
import Workbench

/// The table of caches, its picture, quality by depth, and the map of layers and heads.
@Suite struct CacheScreenTests {
  /// An open model on the screen of caches.
  private static func opened(width: Int = 100, height: Int = 30) -> Play {
    var play = Play(width: width, height: height)
    play.send(.launch(model: nil))
    play.press("K")
    return play
  }

  /// With INT8 keys and INT4 values in the recipe, compared.
  private static func compared() -> Play {
    var play = opened()
    var state = play.state
    state.choices.recipe.keys = MethodChoice(method: "int8")
    state.choices.recipe.values = MethodChoice(method: "int4")
    play.store = Store(state: state)
    play.press("enter")
    return play
  }

  @Test func itSaysWhatItIsForBeforeAComparison() {
    let play = Self.opened()
    ScreensTests.expect(
      CacheScreen.id, shows: ["Nothing is measured yet", "Enter", "compare caches"], in: play)
    ScreensTests.expect(
      CacheScreen.id, shows: ["open a model first"], in: Play(catalog: false))
  }

  @Test func everyMethodAndTheRecipesOwnCacheAreAskedFor() {
    let play = Self.compared()
    let asked = play.effects.compactMap { effect -> [Recipe]? in
      if case .run(_, let request) = effect {
        request.as(CachesJob.self)?.options.caches
      } else {
        nil
      }
    }
    let methods = play.state.catalog.methods.filter { $0.target == .kvCache }.map {
      MethodChoice(method: $0.name)
    }
    #expect(!methods.isEmpty)
    #expect(
      asked == [
        methods.map { Recipe(keys: $0, values: $0) }
          + [Recipe(keys: MethodChoice(method: "int8"), values: MethodChoice(method: "int4"))]
      ])
  }

  @Test func theTableShowsBytesQualityAndWhereCachesPart() {
    var play = Self.compared()
    ScreensTests.expect(
      CacheScreen.id,
      shows: [
        "FP16", "K int8, V int4", "B/token", "8192", "recall", "parts at", "is what all others",
        "depth 256 to 1280", "KL over bytes a token", "best: bottom left",
      ], in: play)
    play.press("end")
    ScreensTests.expect(
      CacheScreen.id,
      shows: ["K int8, V int4 takes 41 % of the FP16 cache", "> 32", "88 %"], in: play)
  }

  @Test func theOtherViewShowsDepths() {
    var play = Self.compared()
    play.press("end", "v")
    ScreensTests.expect(
      CacheScreen.id, shows: ["K int8, V int4 by depth", "512–1024", "1024–1280"], in: play)
  }

  @Test func theMapShowsEveryLayerAndHeadOfEachSide() {
    var play = Self.compared()
    play.press("down", "enter")
    ScreensTests.expect(
      CacheScreen.id,
      shows: [
        "output, keys quantized", "block 0, KV head 0", "64 tokens", "scores", "softmax",
        "worst cells",
      ], in: play)
    #expect(play.screen().contains("head 3"))
    play.press("down", "right")
    #expect(play.screen().contains("block 1, KV head 1"))
    play.press(",")
    #expect(play.screen().contains("output, values quantized"))
    play.press(",", ",")
    #expect(play.screen().contains("scores q k"))
    let name = play.state.facts.caches?.rows[2].name ?? "none"
    play.press(".")
    #expect(play.screen().contains("\(name): scores q k"))
    for _ in 0..<20 { play.press("down", "right") }
    #expect(play.screen().contains("block 7, KV head 3"), "it stops at the last cell")
    play.press("v")
    #expect(play.screen().contains("KL over bytes a token"))
  }

  @Test func theChosenCacheGoesIntoTheRecipe() {
    var play = Self.opened()
    play.press("enter", "down", "u")
    let chosen = play.state.facts.caches?.rows[1].recipe
    #expect(play.state.choices.recipe.keys == chosen?.keys && chosen?.keys != nil)
    #expect(play.state.choices.recipe.values == chosen?.values)
    play.press("up", "u")
    #expect(play.state.choices.recipe.keys == nil)
  }

  @Test func rowsAreShownAsTheyCome() {
    var play = Self.opened()
    play.answers = false
    play.press("m")
    let started = play.started(CachesJob.self).map { ($0.id, $0.job.options) }
    guard let (id, options) = started.first else {
      Issue.record("no job was started")
      return
    }
    play.job(.started(id: id, title: "Comparing caches"))
    play.job(
      .part(
        id: id, CachesJob.self,
        CachesJob.Part(
          facts: SampleCaches.facts(options), row: SampleCaches.row(.baseline, options))))
    play.job(
      .part(
        id: id, CachesJob.self,
        CachesJob.Part(
          facts: SampleCaches.facts(options), row: SampleCaches.row(options.caches[0], options))))
    #expect(play.state.facts.caches?.rows.count == 2)
    #expect(play.screen().contains("B/token"))
    play.job(.finished(id: id, CachesJob.self, SampleCaches.report(options)))
    #expect(play.state.facts.caches?.rows.map(\.name) == ["FP16", "INT8", "INT4"])
    #expect(play.state.facts.caches?.seconds == 42)
    // What was measured with other weights is forgotten.
    play.answers = true
    play.press("3", "down", "enter", "enter")
    #expect(play.state.facts.caches == nil)
  }

  @Test func itIsDrawnAtEverySize() {
    var play = Self.compared()
    for (key, lines) in [
      ("end", ["B/token", "KL over bytes a token"]), ("v", ["B/token", "K int8, V int4 by depth"]),
      ("v", ["output, keys quantized", "block 0, KV head 0"]), (",", ["output, values quantized"]),
    ] {
      play.press(key)
      ScreensTests.expectEverySize(play, shows: lines + ["what does a smaller KV cache cost?"])
    }
  }
}
