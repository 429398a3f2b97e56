import Engine
import Quantization
import TerminalUI
import Testing
import Workbench

/// Recipes from files and to files, and transforms of the whole model, on Method.
@Suite struct RecipeFileKeysTests {
  private static func opened() -> Play {
    var play = Play()
    play.send(.launch(model: nil))
    play.press("3")
    return play
  }

  /// Jobs of a kind that were asked for, in order.
  private static func asked<Kind: Job>(_ kind: Kind.Type, _ play: Play) -> [Kind] {
    play.effects.compactMap {
      guard case .run(_, let request) = $0 else { return nil }
      return request.job as? Kind
    }
  }

  @Test func theRecipeIsWrittenWhereTheUserSays() {
    var play = Self.opened()
    play.press("w")
    #expect(play.state.overlay == nil, "an empty recipe is not written")
    #expect(play.screen().contains("nothing to write"))
    play.press("space", "w")
    #expect(play.screen().contains("Recipe to write"))
    play.press("x", "enter")
    #expect(
      Self.asked(WriteRecipeJob.self, play)
        == [WriteRecipeJob(path: "recipe.tomlx", recipe: play.state.choices.recipe)])
    #expect(play.state.overlay == nil)
    #expect(play.screen().contains("Recipe written to recipe.tomlx"))
  }

  @Test func aRecipeIsOpenedInPlaceOfThisOne() throws {
    var play = Self.opened()
    play.press("o", "enter")
    #expect(Self.asked(OpenRecipeJob.self, play) == [OpenRecipeJob(path: "recipe.toml")])
    #expect(play.state.choices.recipe == (try RecipeText.recipe(SampleRun.recipeOnDisk)))
    #expect(play.screen().contains("Recipe of recipe.toml: rotated"))
  }

  @Test func aTransformIsTypedAndTakenOut() {
    var play = Self.opened()
    play.press("tab")
    let settings = MethodScreen.settings(play.state)
    let place = settings.firstIndex { $0.label == "plant" } ?? 0
    for _ in 0..<place { play.press("down") }
    play.press("e", "4:16", "enter")
    #expect(
      play.state.choices.recipe.transform(OutlierPlanting.self)
        == OutlierPlanting(channels: 4, factor: 16))
    #expect(play.state.overlay == nil)
    play.press("e", "backspace", "backspace", "enter")
    #expect(play.screen().contains("CHANNELS:FACTOR"), "what was expected is said")
    play.press("esc")
    #expect(play.state.choices.recipe.transforms.count == 1)
  }

  @Test func plantingOnTheOutlierScreenIsInTheRecipe() {
    var play = Self.opened()
    play.send(.key(.character("O")))
    play.press("!")
    let planting = Self.asked(PlantingJob.self, play).last?.planting
    #expect(planting != nil)
    #expect(play.state.choices.recipe.transform(OutlierPlanting.self) == planting)
    // Another model has none of it, and that is said.
    play.send(.launch(model: "other"))
    #expect(play.state.choices.recipe.transforms.isEmpty)
  }
}
