import Engine
import Evaluation
import Planning
import Quantization
import Testing
import Workbench

/// Runs whose quality was measured by different protocols stand next to each other, but are not ranked together.
@Suite struct CompareRankingTests {
  /// Two runs without BOS, and one with it whose KL lies between theirs.
  private static func play() -> Play {
    var play = Play()
    for (id, kl, begin) in [
      ("run-1", 0.5, WindowBegin.nothing), ("run-2", 0.2, .eachWindow), ("run-3", 0.1, .nothing),
    ] {
      var run = SampleRun.run(id, SampleRun.recipe, kl: kl, bytes: 1_000_000, rate: 1)
      run.evaluation?.begin = begin
      play.send(.catalog(part: .run(record: run)))
    }
    play.press("9")
    return play
  }

  @Test func theRuleForBOSSetsRunsApart() {
    let play = Self.play()
    let ids = CompareScreen.runs(play.state).map(\.id).filter { $0.hasPrefix("run-") }
    #expect(ids == ["run-3", "run-1", "run-2"])
    #expect(play.screen().contains("different protocols"))
  }

  /// What a choice measured is told, and not ranked with evaluations; two choices alike are.
  @Test func aChoiceStandsApartFromEvaluations() {
    var play = Self.play()
    for (id, kl) in [("run-4", 0.15), ("run-5", 0.05)] {
      var run = RunRecord(id: id, model: SampleRun.summary.name, recipe: SampleRun.recipe)
      var choice = SampleChoice.report(
        ChooseOptions(workload: Workload(context: 1024)))
      if let winner = choice.winner { choice.rows[winner].kl?.mean = kl }
      run.choice = choice
      play.send(.catalog(part: .run(record: run)))
    }
    play.press("9")
    let ids = CompareScreen.runs(play.state).map(\.id).filter { $0.hasPrefix("run-") }
    #expect(ids.firstIndex(of: "run-5") == ids.firstIndex(of: "run-4").map { $0 - 1 })
    let kinds = Set(CompareScreen.runs(play.state).compactMap(\.conditions?.words))
    #expect(kinds.contains { $0.contains("in a choice") })
    #expect(play.screen(width: 200).contains("KL and perplexity do not compare"))
  }

  /// Runs on other texts, too; the larger group comes first.
  @Test func theTextSetsRunsApart() {
    var play = Play()
    for (id, kl, text) in [
      ("run-1", 0.5, "a.txt"), ("run-2", 0.2, "b.txt"), ("run-3", 0.1, "a.txt"),
    ] {
      var run = SampleRun.run(id, SampleRun.recipe, kl: kl, bytes: 1_000_000, rate: 1)
      run.evaluation?.text = text
      play.send(.catalog(part: .run(record: run)))
    }
    play.press("9")
    let ids = CompareScreen.runs(play.state).map(\.id).filter { $0.hasPrefix("run-") }
    #expect(ids == ["run-3", "run-1", "run-2"])
    #expect(play.screen().contains("protocols or texts"))
    #expect(play.screen(width: 200).contains("b.txt"))
  }

  /// So do the number of windows, a full-precision tail of the cache, the baseline, and the model or its size.
  @Test(arguments: [
    ("windows", "numbers of windows"), ("tail", "full-precision tails"),
    ("baseline", "baselines"), ("size", "sizes of a model"), ("model", "models"),
    ("prefill", "protocols"),
  ])
  func whatElseSetsRunsApart(kind: String, words: String) {
    var play = Play()
    for (id, kl, isOther) in [("run-1", 0.5, false), ("run-2", 0.2, true), ("run-3", 0.1, false)] {
      var run = SampleRun.run(id, SampleRun.recipe, kl: kl, bytes: 1_000_000, rate: 1)
      run.evaluation?.text = "a.txt"
      run.evaluation?.baseline.weightBytes = 58_741_760
      if isOther {
        switch kind {
        case "windows": run.evaluation?.windows = 4
        case "tail": run.evaluation?.tail = 32
        case "baseline": run.evaluation?.baseline.name = "F32"
        case "size": run.evaluation?.baseline.weightBytes = 1_000_000_000
        case "prefill": run.evaluation?.prefill = .full
        default: run.model = "another"
        }
      }
      play.send(.catalog(part: .run(record: run)))
    }
    play.press("9")
    let ids = CompareScreen.runs(play.state).map(\.id).filter { $0.hasPrefix("run-") }
    #expect(ids == ["run-3", "run-1", "run-2"])
    #expect(play.screen(width: 200).contains(words))
    // Next to each other they are told apart by it, and have no ratio.
    for id in ["run-3", "run-2"] {
      let row = CompareScreen.runs(play.state).map(\.id).firstIndex(of: id) ?? 0
      play.press("home")
      for _ in 0..<row { play.press("down") }
      play.press("space")
    }
    #expect(play.screen(width: 200).contains("their quality does not compare"))
  }

  /// What was asked of each stands next to each other too, with its want of power.
  @Test func recallAndTasksStandSideBySide() {
    var play = Play()
    for (id, right) in [("run-1", 6), ("run-2", 0)] {
      var run = SampleRun.run(id, SampleRun.recipe, kl: 0.5, bytes: 1_000_000, rate: 1)
      run.recall = RecallReport(depths: [
        .init(depth: 256, questions: 8, baselineCorrect: right, quantizedCorrect: right, lost: 0)
      ])
      play.send(.catalog(part: .run(record: run)))
    }
    play.press("9")
    for id in ["run-1", "run-2"] {
      let row = CompareScreen.runs(play.state).map(\.id).firstIndex(of: id) ?? 0
      play.press("home")
      for _ in 0..<row { play.press("down") }
      play.press("space")
    }
    let screen = play.screen(width: 120, height: 50)
    #expect(screen.contains("6 of 8"), "\(screen)")
    #expect(screen.contains("0 of 8 no power"), "\(screen)")
  }

  @Test func bytesAreRankedAcross() {
    var play = Self.play()
    while play.state[CompareScreen.self].order != .weightBytes { play.press(">") }
    let ids = CompareScreen.runs(play.state).map(\.id).filter { $0.hasPrefix("run-") }
    #expect(play.state[CompareScreen.self].order == .weightBytes)
    #expect(ids == ["run-1", "run-2", "run-3"])
  }

  @Test func twoThatDifferHaveNoRatioOfQuality() {
    var play = Self.play()
    let runs = CompareScreen.runs(play.state).map(\.id)
    for id in ["run-3", "run-2"] {
      let row = runs.firstIndex(of: id) ?? 0
      play.press("home")
      for _ in 0..<row { play.press("down") }
      play.press("space")
    }
    #expect(play.screen().contains("their quality does not compare"))
  }
}
