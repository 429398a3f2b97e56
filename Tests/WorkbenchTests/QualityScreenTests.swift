import Engine
import Evaluation
import TerminalUI
import Testing
import Workbench

/// The Quality screen: the most telling figures at any size, all of them on a key, and reports that know only some.
@Suite struct QualityScreenTests {
  private static func play() -> Play {
    var play = Play.walk()
    play.press("6")
    return play
  }

  @Test func theMostTellingFiguresFitASmallScreen() {
    let screen = Self.play().screen(width: 80, height: 24)
    for words in ["mean 0.0213", "p99.9", "ln ratio", "+0.0177 ± 0.0012", "-181 +139"] {
      #expect(screen.contains(words), "\(words): \(screen)")
    }
  }

  @Test func aLargeOneSaysWhichTestAndWhatProbabilitiesDo() {
    let screen = Self.play().screen(width: 140, height: 40)
    for words in ["McNemar exact p", "-0.52 % mean, 4.61 % RMS", "p95", "p99.9"] {
      #expect(screen.contains(words), "\(words): \(screen)")
    }
  }

  @Test func allFiguresStandInATable() {
    var play = Self.play()
    play.press("v")
    let small = play.screen(width: 80, height: 24)
    for words in ["KL, mean", "ln(PPL ratio)", "flips right to wrong", "p, McNemar exact"] {
      #expect(small.contains(words), "\(words): \(small)")
    }
    let large = play.screen(width: 120, height: 40)
    for words in ["change of p below", "99.9 %", "0.1 %", "PPL ratio", "p of right token, RMS"] {
      #expect(large.contains(words), "\(words): \(large)")
    }
    play.press("v")
    #expect(play.screen().contains("KL divergence to"))
  }

  @Test func aReportWithoutThemIsShownAsFarAsItGoes() {
    var play = Self.play()
    var report = SampleRun.evaluation
    report.figures = nil
    report.kl.p999 = nil
    play.finish(EvaluateJob(options: EvaluationOptions()), report)
    #expect(play.state.facts.evaluation?.kl.p999 == nil)
    #expect(play.screen(width: 80, height: 24).contains("p95"))
    play.press("v")
    #expect(play.screen(width: 120, height: 40).contains("KL, mean"))
  }

  /// A test that the baseline fails says so, and has a tick nowhere.
  @Test func whatTheBaselineFailsHasNoPower() {
    var play = Self.play()
    #expect(play.screen(width: 120, height: 40).contains("✓"))
    let failing = RecallReport(depths: [
      .init(depth: 256, questions: 8, baselineCorrect: 0, quantizedCorrect: 0, lost: 0),
      .init(depth: 512, questions: 8, baselineCorrect: 1, quantizedCorrect: 1, lost: 0),
    ])
    play.finish(RecallJob(documents: 4), failing)
    let recall = Self.panel(play.screen(width: 120, height: 40))
    #expect(recall.contains("no power"))
    #expect(!recall.contains("✓"), "\(recall)")
    let check = play.state.facts.verdict().checks[1].evidence
    #expect(check.contains("recall through the cache 1 -> 1 of 16 answers (no power"), "\(check)")
  }

  @Test func aTailThatHidesTheCacheIsTold() {
    var play = Self.play()
    var report = SampleRun.recall
    report.caveat = "every fact lay within the tail"
    play.finish(RecallJob(documents: 4), report)
    #expect(play.screen(width: 120, height: 40).contains("every fact lay"))
    #expect(play.state.facts.verdict().checks[1].evidence.contains("every fact lay"))
  }

  @Test(arguments: [(80, 24), (100, 30), (160, 50)])
  func tasksStandNextToRecall(width: Int, height: Int) {
    var play = Self.play()
    play.press("i")
    #expect(play.started(TasksJob.self).last?.job.path == nil)
    play.finish(TasksJob(path: "a.jsonl"), Self.tasks)
    let screen = play.screen(width: width, height: height)
    #expect(screen.contains("80.0 %"), "\(screen)")
    #expect(screen.contains("no power"), "\(screen)")
    #expect(play.state.facts.verdict().checks[1].evidence.contains("keeps 75.0 %"))
    #expect(play.state.facts.verdict().next.contains { $0.contains("Accuracy on tasks") })
  }

  /// 40 of 50 before, 30 after, 12 lost and 2 gained; of answers none.
  private static let tasks: TaskReport = {
    let choices = (0..<50).map { place -> (TaskItem, TaskReport.Item) in
      func side(_ isRight: Bool) -> TaskOutcome {
        TaskOutcome(scores: isRight ? [-1, -2] : [-2, -1], lengths: [3, 3], answer: 0)
      }
      let (base, now) = (place < 40, place < 28 || place >= 48)
      return (
        TaskItem(
          id: "\(place)",
          demand: .choice(
            [.init(tokens: [], scored: 1, length: 1), .init(tokens: [], scored: 1, length: 1)],
            answer: 0)),
        TaskReport.Item(id: "\(place)", baseline: side(base), quantized: side(now))
      )
    }
    let answers = (0..<10).map { place in
      (
        TaskItem(id: "a\(place)", demand: .answer(expected: ["x"], stops: [], most: 4)),
        TaskReport.Item(
          id: "a\(place)", baseline: TaskOutcome(text: "y", isRight: false),
          quantized: TaskOutcome(text: "y", isRight: false))
      )
    }
    let all = choices + answers
    return TaskReport(
      task: "a.jsonl", recipe: "x", baselineName: "BF16", all.map(\.0), items: all.map(\.1))
  }()

  /// The lines of the panel of recall.
  private static func panel(_ screen: String) -> String {
    let lines = screen.split(separator: "\n")
    guard let first = lines.firstIndex(where: { $0.contains("recall at depth") }) else { return "" }
    let last = lines[first...].firstIndex { $0.hasPrefix("╰") } ?? lines.endIndex
    return lines[first..<last].map { $0.prefix(36) }.joined(separator: "\n")
  }
}
