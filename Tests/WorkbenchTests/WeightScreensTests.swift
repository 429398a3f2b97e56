import Engine
import Models
import Quantization
import TerminalUI
import Testing
import Workbench

/// What weight methods show: the details of a cell, what to protect, the survey of the text, the budget of bits.
@Suite struct WeightScreensTests {
  /// A walk to the heatmap with a GPTQ recipe.
  static func heatmap() -> Play {
    var play = Play.walk()
    play.press("5")
    return play
  }

  @Test func theRawSumIsASecondFigureAndNoMap() {
    var play = Self.heatmap()
    ScreensTests.expect(HeatmapScreen.id, shows: ["GPTQ's"], in: play)
    for _ in 0..<6 {
      #expect(!play.screen().contains("GPTQ's own sum"))
      play.press(".")
    }
  }

  @Test func theCellIsReadWithAllItsPieces() {
    var play = Self.heatmap()
    play.press("enter")
    ScreensTests.expect(
      HeatmapScreen.id,
      shows: [
        "before", "after", "error by input", "errors pushed to 81 (6.1 ×)",
        "scales by output channel",
        "scales by group of inputs", "outlier columns", "17 (21 ×)", "Backspace to the map",
        "512 × 512 weights",
      ], in: play)
    play.press("f")
    #expect(play.screen().contains("F: back in FP"))
    play.press("right")
    #expect(play.screen().contains("map 1 of 3"), "another cell shows the map again")
  }

  @Test func aSearchIsDrawnWithWhatWasTaken() {
    var play = Self.heatmap()
    play.answers = false
    play.press("enter")
    let id = play.state.jobs.jobs.last?.id ?? JobID(number: -1)
    play.job(.finished(id: id, CellJob.self, SampleRun.searched))
    ScreensTests.expect(
      HeatmapScreen.id,
      shows: ["search: scale of q, k, v", "taken: ratio 0.55", "before", "error by input"], in: play
    )
    #expect(play.screen().contains("38 % lower than at 0"))
  }

  @Test func markedCellsGoIntoTheRecipe() {
    var play = Self.heatmap()
    #expect(!play.screen().contains("keep in FP"))
    play.press("f", "m")
    ScreensTests.expect(
      HeatmapScreen.id,
      shows: ["KL 0.0213 → 0.0183", "14 % lower", "+1.70 MB", "8.0 % of the model"],
      in: play)
    #expect(play.screen(width: 160).contains("u keep in FP"))
    play.press("u")
    #expect(play.state.choices.recipe.exceptions.map(\.description) == ["0.q=fp"])
    #expect(play.screen(width: 140).contains("Kept in FP by the recipe: 0.q. Quantize again"))
    play.press("u")
    #expect(play.state.choices.recipe.exceptions.count == 1, "once is enough")
    play.press("4", "enter")
    #expect(play.state.facts.quantized?.recipe.exceptions.count == 1)
    play.press("5")
    #expect(play.screen(width: 200, height: 60).contains("F: FP by the recipe"))
  }

  @Test func wholeColumnsAndRowsAreOneException() {
    let map = SampleRun.quantized.maps[0]
    func texts(_ cells: [CellAddress]) -> [String] {
      map.exceptions(for: Set(cells)).map(\.description)
    }
    let column = (0..<8).map { CellAddress(row: $0, column: 2) }
    let row = (0..<7).map { CellAddress(row: 3, column: $0) }
    #expect(texts(column) == ["*.v=fp"])
    #expect(texts(row) == ["3.*=fp"])
    #expect(texts(column + row) == ["*.v=fp", "3.*=fp"])
    #expect(
      texts(column + [CellAddress(row: 5, column: 6), CellAddress(row: 0, column: 1)])
        == ["*.v=fp", "0.k=fp", "5.down=fp"])
    #expect(texts([CellAddress(row: 99, column: 0), CellAddress(row: 0, column: 99)]).isEmpty)
    var play = Self.heatmap()
    play.press("right", "right", "|")
    ScreensTests.expect(HeatmapScreen.id, shows: ["*.v", "8 cells marked"], in: play)
    play.press("|", "-", "u")
    #expect(play.state.choices.recipe.exceptions.map(\.description) == ["0.*=fp"])
  }

  @Test func whatToProtectIsSaidInWords() {
    var play = Self.heatmap()
    ScreensTests.expect(
      HeatmapScreen.id, shows: ["what to protect", "Protect down", "MB more"], in: play)
    play.press("i", ".", ".", ".")
    ScreensTests.expect(HeatmapScreen.id, shows: ["Protect down", "KL alone", "5.down"], in: play)
  }

  @Test func theSurveyIsDrawnAsItComes() {
    var play = Play()
    play.send(.launch(model: nil))
    play.press("4", "m")
    #expect(play.screen(width: 140).contains("FP baseline looks at no calibration text"))
    play.press("3", "enter", "4", "m")  // GPTQ
    ScreensTests.expect(
      CalibrateScreen.id,
      shows: [
        "is the text long enough?", "The error is flat from 16 windows", "0.00579", "93.0 %",
        "rounding", "windows held out", "win",
      ], in: play)
    let axis = play.screen().split(separator: "\n").map { $0.split(separator: " ").prefix(6) }
    #expect(axis.contains { $0.dropFirst() == ["2", "4", "8", "16", "24"] }, "points are named")
    play.press("v")
    #expect(play.screen().contains("Recipe:"))
    play.press("v", "enter")  // quantizes, which shows itself
    #expect(play.screen().contains("layers, newest first"))
  }

  @Test func theSurveyBeginsEmptyAndGrows() {
    var play = Play()
    play.send(.launch(model: nil))
    play.press("3", "enter", "4", "m")
    play.answers = false
    play.press("m")
    let id = play.state.jobs.active?.id ?? JobID(number: -1)
    play.job(.started(id: id, title: "Surveying"))
    #expect(play.screen().contains("The first point comes soon"))
    var survey = SampleRun.survey
    survey.points = Array(survey.points.prefix(1))
    play.job(.part(id: id, CalibrationSurveyJob.self, survey))
    #expect(play.screen().contains("Too few points yet"))
  }

  @Test func aResumedRunSaysSo() {
    var play = Play()
    play.send(.launch(model: nil))
    play.press("3", "enter")
    play.answers = false
    play.press("enter")
    let id = play.state.jobs.active?.id ?? JobID(number: -1)
    play.job(.log(id: id, text: "Continues after block 3 of 8."))
    play.job(
      .progressed(
        id: id,
        progress: JobProgress(
          phase: "block 4 of 8: moments of the inputs of gate and up", done: 3, total: 8,
          unit: "blocks", share: 0.5, secondsElapsed: 3, secondsLeft: 4, rate: 900,
          rateUnit: "tokens/s", peakResidentBytes: 90_000_000)))
    ScreensTests.expect(
      CalibrateScreen.id,
      shows: [
        "Continues after block 3 of 8", "moments of the inputs of gate and up", "44 %", "4.0 s",
        "left",
      ], in: play)
    var report = SampleRun.quantized
    report.resumedBlocks = 3
    play.job(.finished(id: id, QuantizeJob.self, report))
    ScreensTests.expect(CalibrateScreen.id, shows: ["continued after block 3"], in: play)
  }

  @Test func thePriceNamesDiskAndWhatWillDisappoint() {
    ScreensTests.expect(
      MethodScreen.id, shows: ["412 MB", "24.0 MB", "▲ 1024 calibration tokens say little"])
  }

  @Test func exceptionsAreTypedSeenAndTakenOut() {
    var play = Play()
    play.send(.launch(model: nil))
    play.press("3", "enter", "tab", "end", "e", "5.dwn=fp", "enter")
    #expect(play.screen().contains("BLOCK.PROJECTION=BITS"))
    play.press("ctrl+u", "5.down=fp *.v=8", "enter")
    #expect(play.state.choices.recipe.exceptions.count == 2)
    ScreensTests.expect(MethodScreen.id, shows: ["5.down=fp", "*.v=8"], in: play)
    play.press("tab", "end")
    #expect(play.screen().contains("f takes this exception out"))
    play.press("f")
    #expect(play.state.choices.recipe.exceptions.map(\.description) == ["5.down=fp"])
    play.press("home", "f")
    #expect(play.state.choices.recipe.isBaseline, "exceptions go with the method")
  }

  @Test func calibrationIsAForm() {
    var play = Play()
    play.send(.launch(model: nil))
    play.press("3", "enter", "tab", "down", "down", "down", "down")
    play.press("e", "/texts/a.txt", "enter", "down", "right", "down", "left", "down", "right")
    #expect(
      play.state.choices.calibration
        == CalibrationOptions(text: "/texts/a.txt", samples: 64, length: 128, seed: 1))
    play.press("up", "up", "up", "e", "ctrl+u", "enter")
    #expect(play.state.choices.calibration.text == nil)
  }

  @Test func theBudgetIsSpentSeenAndTaken() throws {
    var play = Play()
    play.send(.launch(model: nil))
    play.press("B")
    #expect(play.screen().contains("Enter choose a method for weights first"))
    play.press("enter")
    #expect(play.state.screen == MethodScreen.id)
    play.press("enter", "B")
    #expect(play.screen().contains("Enter spend the budget"))
    play.press("e", "ctrl+u", "1", "enter")
    #expect(play.screen().contains("bits a weight from 2 to 16"))
    play.press("ctrl+u", "3.6", "enter", "right", "right", "right", "enter")
    #expect(
      play.started(AllocateJob.self).contains {
        $0.job.budget == .bits(4.25) && $0.job.windows == 32
      })
    ScreensTests.expect(
      BudgetScreen.id,
      shows: [
        "Mixed bits win", "0.0164 ± 0.00040", "bits of each layer", "side by side",
        "same", "4 bits", "4.243", "0.0213",
      ], in: play)
    play.press("tab", "right", "right")
    #expect(play.screen().contains("0.v"))
    #expect(play.screen().contains("Enter take the advice"))
    play.press("enter")
    #expect(play.state.screen == CalibrateScreen.id)
    #expect(play.state.choices.recipe == SampleRun.allocation.mixed.recipe)
    play.press("B", "m")
    let second = play.state.jobs.jobs.last(where: \.isHeavy)?.request.as(AllocateJob.self)
    let base = try #require(second).recipe
    #expect(base.exceptions.isEmpty, "widths of an earlier budget do not bind a new one")
  }

  @Test func whoWinsIsSaidForEveryOutcome() {
    var report = SampleRun.allocation
    #expect(
      report.words.hasPrefix("Mixed bits win: at equal size KL 0.0164 ± 0.00040 against 0.0213"))
    #expect(report.words.contains("23 % lower. Advised: mixed bits, 4.24 bits a weight."))
    report.mixedAtUniform?.kl = 0.0212
    #expect(report.words.hasPrefix("At the size of 4 bits everywhere"), "the rest of the budget")
    #expect(report.words.contains("Advised: mixed bits, 4.24 bits a weight."))
    report.mixed.kl = 0.0211
    #expect(report.words.hasPrefix("Uniform bits win"))
    #expect(report.words.contains("Advised: 4 bits everywhere, 4.13 bits a weight."))
    report.uniform = nil
    #expect(report.words.hasPrefix("No uniform width fits into 4.25 bits a weight"))
  }
}
