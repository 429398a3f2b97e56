import Engine
import Quantization
import TerminalUI
import Testing
import Workbench

/// The map of channels, the threshold on it, planting, and what outliers do to each method.
@Suite struct OutlierScreenTests {
  /// An open model on the outlier screen.
  private static func opened(width: Int = 100, height: Int = 30) -> Play {
    var play = Play(width: width, height: height)
    play.send(.launch(model: nil))
    play.press("O")
    return play
  }

  @Test func itSaysWhatItIsForBeforeASurvey() {
    let play = Self.opened()
    ScreensTests.expect(
      OutlierScreen.id, shows: ["No survey yet", "Enter", "survey the activations"], in: play)
  }

  @Test func theMapNamesTheChannelAndWhatItCosts() {
    var play = Self.opened()
    play.press("enter")
    ScreensTests.expect(
      OutlierScreen.id,
      shows: [
        "block 0, input of q, k, v", "Channel 57 reaches 76.8 times", "1.7 of 127 steps",
        "from 6.0", "8 columns", "proposed",
      ], in: play)
    #expect(play.screen().contains("farthest channels"), "bars need room: 100x30")
    play.press("down")
    #expect(play.screen().contains("block 0, input of o"))
  }

  @Test func theThresholdMovesAndGoesIntoTheRecipe() {
    var play = Self.opened()
    play.press("enter")
    #expect(play.screen().contains("from 6.00 (the paper's)"))
    #expect(play.screen().contains("64 of 10 240 columns"))
    play.press("right", "right")
    #expect(play.screen().contains("from 24.0"))
    #expect(play.screen().contains("16 of 10 240 columns"))
    play.press("u")
    #expect(
      play.state.choices.recipe.activations
        == MethodChoice(method: "llm.int8", options: ["threshold": .decimal(24)]))
    play.press("left", "left", "left", "left")
    #expect(play.screen().contains("from 3.00"), "it stops at the lowest rung")
  }

  @Test func plantingIsAskedForAndToldOf() {
    var play = Self.opened()
    #expect(play.screen().contains("! plants 8 channels x32"))
    play.press("*", "#", "!")
    let planted = play.effects.compactMap { effect -> OutlierPlanting? in
      if case .run(_, let request) = effect { request.as(PlantingJob.self)?.planting } else { nil }
    }
    #expect(planted == [OutlierPlanting(channels: 16, factor: 128)])
    #expect(play.screen().contains("planted: 16 channels x128"))
    #expect(play.screen().contains("FP logits the same to the bit"))
    play.press("*")
    #expect(play.screen().contains("! takes planted outliers out"))
  }

  @Test func smoothingIsShownBesideWhatWas() {
    var play = Self.opened()
    play.press("3")
    play.press("k")
    var state = play.state
    state.choices.recipe.activations = MethodChoice(method: "smoothquant")
    play.store = Store(state: state)
    play.press("O", "i")
    ScreensTests.expect(
      OutlierScreen.id, shows: ["smoothed", "7.60 times"], in: play)
    #expect(play.screen().contains("b: after smoothing"))
    play.press("b")
    #expect(play.screen().contains("channels after smoothing"))
  }

  @Test func theLabShowsEveryMethodByFactor() {
    var play = Self.opened()
    play.press("v", "enter")
    ScreensTests.expect(
      OutlierScreen.id,
      shows: [
        "W8A8 per token", "LLM.int8() 6.0", "SmoothQuant alpha 0.5", "W4A16 RTN g128", "x128",
        "0.031", "as it is",
      ], in: play)
    play.press("right", "right", "right")
    #expect(play.screen().contains("8 channels x128 planted"))
    #expect(!play.screen().contains("FP  "), "the baseline is no row: it is 0 by definition")
  }

  @Test func itIsDrawnAtEverySize() {
    var play = Self.opened()
    play.press("enter")
    ScreensTests.expectEverySize(
      play, shows: ["LLM.int8() threshold", "channels of each input", "block 0, input of q, k, v"])
    #expect(play.screen(width: 80, height: 24).contains("input of q, k, v"))
    play.press("v", "enter")
    #expect(play.screen(width: 80, height: 24).contains("W8A8 per token"))
    #expect(play.screen(width: 200, height: 60).contains("Activations: the farthest channel"))
  }

  /// What breaks static scales stands above the map.
  @Test func massiveActivationsAreCalledOutFirst() {
    var play = Self.opened()
    play.press("enter")
    #expect(!play.screen().contains("massive"))
    var survey = SampleOutliers.survey(.baseline, planted: nil)
    survey.inputs[3].reach.largest = 3010
    survey.inputs[3].first = .init(position: 0, channel: 130, magnitude: 3010, behind: 8)
    play.finish(OutliersJob(recipe: .baseline, calibration: .init(), thresholds: []), survey)
    ScreensTests.expect(
      OutlierScreen.id,
      shows: [
        "massive: 3010 at token 0 in 0.down breaks static scales; folds miss it",
        "from 6.0",
      ], in: play)
  }
}
