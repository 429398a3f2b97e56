import Engine
import Profiling
import Quantization
import TerminalUI
import Testing
import Wording
import Workbench

/// The chart of forms over batches, the table below it, what binds the chosen point, and the crossovers.
@Suite struct BatchScreenTests {
  /// An open model on the screen of batches.
  private static func opened(width: Int = 100, height: Int = 30) -> Play {
    var play = Play(width: width, height: height)
    play.send(.launch(model: nil))
    play.press("C")
    return play
  }

  private static func timed() -> Play {
    var play = opened()
    play.press("m")
    return play
  }

  @Test func itSaysWhatItIsForBeforeAnythingIsTimed() {
    ScreensTests.expect(
      BatchScreen.id,
      shows: [
        "Nothing is timed yet", "Enter", "time batches", "batches to", "64", "the usual 4",
      ],
      in: Self.opened())
    ScreensTests.expect(
      BatchScreen.id, shows: ["open a model first"], in: Play(catalog: false))
  }

  @Test func theTableAndTheChartShowEveryFormAtEveryBatch() {
    let play = Self.timed()
    ScreensTests.expect(
      BatchScreen.id,
      shows: [
        "decode, all sequences: tokens a second", "* the fastest form", "BF16", "W4A16", "W4A8",
        "W8A8", "tok/s", "batch", "BF16 at batch 1", "bound by", "memory", "what the limits allow",
      ], in: play)
    let report = SampleBatches.report(BatchOptions())
    for batch in [1, 64] {
      for form in report.forms {
        guard let rate = report.point(form.name, batch: batch)?.decode.tokensPerSecond else {
          Issue.record("no point")
          return
        }
        let isBest = report.best(batch: batch) == form.name
        #expect(play.screen().contains(Quantity.significant(rate) + (isBest ? "*" : " ")))
      }
    }
  }

  @Test func arrowsGoOverFormsAndBatches() {
    var play = Self.timed()
    play.press("right", "right", "down")
    #expect(play.screen().contains("W4A16 at batch 4"))
    play.press("up", "up", "left", "left", "left", "left")
    #expect(play.screen().contains("BF16 at batch 1 "))
    for _ in 0..<20 { play.press("down", "right") }
    #expect(play.screen().contains("W8A8 at batch 64"), "it stops at the last")
    #expect(play.screen().contains("INT8"), "what binds it")
  }

  @Test func crossoversAreTold() {
    var play = Self.timed()
    play.press("down")
    ScreensTests.expect(
      BatchScreen.id, shows: ["W4A16 and the others", "W4A16 ", "up to"], in: play)
    #expect(play.screen(width: 200, height: 60).contains("By bytes and operations alone"))
    #expect(play.screen(width: 200, height: 60).contains("> W4A16 from"), "named in the chart")
  }

  @Test func otherFiguresAreShown() {
    var play = Self.timed()
    play.press("v")
    ScreensTests.expect(BatchScreen.id, shows: ["decode, one sequence"], in: play)
    play.press("v")
    ScreensTests.expect(
      BatchScreen.id, shows: ["share of the limit", "90 %", "60 %"], in: play)
    play.press("v")
    ScreensTests.expect(BatchScreen.id, shows: ["prefill, all prompts"], in: play)
    play.press("v")
    ScreensTests.expect(BatchScreen.id, shows: ["decode, all sequences"], in: play)
  }

  @Test func optionsAreChangedAndTypedAndAskedFor() {
    var play = Self.opened()
    play.press(
      "left", "down", "right", "down", "left", "end", "right", "home", "down", "down", "down")
    play.press("e", "backspace", "4", "enter")
    play.press("m")
    let asked = play.effects.compactMap { effect -> BatchOptions? in
      if case .run(_, let request) = effect { request.as(BatchJob.self)?.options } else { nil }
    }
    #expect(
      asked == [
        BatchOptions(
          forms: BatchForm.allCases, batches: [1, 2, 4, 8, 16, 32], depth: 256, prompt: 16,
          steps: 4, repetitions: 5)
      ])
    #expect(play.screen().contains("FP8"))
    // Tab brings them back; Enter measures again when they are others.
    play.press("tab")
    #expect(play.screen().contains("how it is measured"))
    #expect(play.screen().contains("choose a method"))
    play.press("home", "left")
    #expect(play.screen().contains("time batches"))
  }

  @Test func theChosenFormGoesIntoTheRecipe() {
    var play = Self.timed()
    play.press("down", "u")
    #expect(play.state.choices.recipe == BatchForm.w4a16.recipe(SampleRun.shape))
    play.press("down", "down", "u")
    #expect(play.state.choices.recipe == BatchForm.w8a8.recipe(SampleRun.shape))
    play.press("up", "up", "up", "u")
    #expect(play.state.choices.recipe.isBaseline)
  }

  @Test func pointsAreShownAsTheyCome() {
    var play = Self.opened()
    play.answers = false
    play.press("m")
    let started = play.started(BatchJob.self).map { ($0.id, $0.job.options) }
    guard let (id, options) = started.first else {
      Issue.record("no job was started")
      return
    }
    play.job(.started(id: id, title: "Timing batches"))
    #expect(play.screen().contains("The chart grows"))
    play.job(.part(id: id, BatchJob.self, SampleBatches.report(options, batches: 1)))
    ScreensTests.expect(BatchScreen.id, shows: ["Timing batches", "BF16", "tok/s"], in: play)
    play.job(.part(id: id, BatchJob.self, SampleBatches.report(options, batches: 3)))
    #expect(play.state.facts.batches?.points.count == 12)
    play.job(.finished(id: id, BatchJob.self, SampleBatches.report(options)))
    #expect(play.screen().contains("overtakes"))
    #expect(play.state.facts.batches?.points.count == 28)
    // Another model is another measurement.
    play.answers = true
    play.send(.launch(model: nil))
    #expect(play.state.facts.batches == nil)
  }

  @Test func aRefusalIsTold() {
    var play = Self.opened()
    play.answers = false
    play.press("m")
    guard let id = play.state.jobs.active?.id else {
      Issue.record("no job runs")
      return
    }
    play.job(.started(id: id, title: "Timing batches"))
    play.job(.failed(id: id, message: "forms and caches take 80.0 GB"))
    play.send(.tick(milliseconds: 60_000))
    ScreensTests.expect(
      BatchScreen.id, shows: ["✗ forms and caches take 80.0 GB", "time batches"], in: play)
  }

  @Test func itIsDrawnAtEverySizeAndForOddReports() {
    var play = Self.timed()
    var odd = SampleBatches.report(
      BatchOptions(forms: [.bf16], batches: Array(1...40), prompt: 0))
    odd.points[3].decode.tokensPerSecond = .nan
    odd.points[4].rounds = []
    odd.points[5].limitSeconds = 0
    odd.points[6].batch = .max
    odd.points[7].weightBytes = -.infinity
    for report in [SampleBatches.report(BatchOptions()), odd] {
      play.job(
        .finished(
          id: play.state.jobs.jobs[play.state.jobs.jobs.count - 1].id, BatchJob.self, report))
      // Without prefill the figures begin again after the third.
      let last = report.prompt > 0 ? "prefill, all prompts" : "decode, all sequences"
      for (key, title) in [
        ("end", "decode, all sequences"), ("v", "decode, one sequence"),
        ("v", "decode, share of the limit"), ("v", last), ("tab", "how it is measured"),
      ] {
        play.press(key)
        ScreensTests.expectEverySize(
          play, shows: [title, "BF16", key == "tab" ? "batches to" : "at batch"])
      }
      play.press("tab")
      if report.prompt > 0 { play.press("v") }
    }
  }
}
