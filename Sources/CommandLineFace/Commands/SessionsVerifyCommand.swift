import ArgumentParser
import Engine
import FoundationEssentials
import Shell
import Wording
import Workbench

/// Runs what was chosen in a session again, and says what moved.
struct SessionsVerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Run what was chosen in a session again, and say what moved, how far, and why.",
    discussion: """
      The recorded keys are pressed, each job is done by the engine, and its report is held against the recorded one. \
      Figures may move by 1 % (quantiles, extremes and errors of means by 5 %), as sums in another order do; times are told and \
      decide nothing. The machine is taken as recorded, and nothing is written. Ends with exit code 3 where something \
      else is chosen, or a figure is beyond its tolerance.
      """)

  @Argument(help: "A session, by path or name.")
  var name: String
  @Option(help: "Where the model is now; where the session says without it.")
  var model: String?
  @OptionGroup var screen: ScreenOptions
  @OptionGroup var runtime: RuntimeOptions
  @OptionGroup var output: OutputOptions

  private struct Document: Encodable {
    var holds: Bool
    var words: String
    var verdict: SessionVerdict
  }

  func run() throws {
    let session = try SessionFile.read(try SessionPath.resolve(name, screen))
    let progress = ProgressLine()
    for remark in session.remarks { progress.note("\(name): \(remark)") }
    // A plan ranks methods by runs that were kept here; those of the session are not.
    let folder = FileManager.default.temporaryDirectory.path + "/nibble-verify-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var options = runtime
    options.workspace = runtime.workspace ?? folder
    var rerun = SessionRerun(
      session, laboratory: try options.laboratory(), control: Interrupt.control, model: model
    ) { progress.show($0) }
    let verdict: SessionVerdict
    do {
      verdict = try rerun.run(session)
    } catch is CancellationError {
      throw Interrupt.failure
    }
    progress.finish()
    if output.json {
      try Output.json(
        Document(holds: verdict.holds, words: verdict.words, verdict: verdict))
    } else {
      Self.show(verdict)
    }
    guard verdict.holds else {
      throw CommandFailure(message: "the session does not come out the same", code: 3)
    }
  }

  /// Figures that are shown, the farthest first.
  private static let shown = 12

  private static func show(_ verdict: SessionVerdict) {
    print(verdict.title)
    for line in verdict.differences { print("  \(line)") }
    Output.table(
      ["at", "job", "kinds of figures", "moved", "beyond", "seconds", ""],
      verdict.steps.filter { $0.isHeavy || $0.comparison?.holds == false }.map(row))
    let choices = verdict.choices + verdict.steps.flatMap { $0.comparison?.choices ?? [] }
    for choice in choices { print("Another choice: \(words(choice))") }
    for step in verdict.steps {
      for means in step.comparison?.means ?? [] { print("\(step.words): \(words(means))") }
    }
    let moved = verdict.moved.sorted { first, second in
      (first.figure.isWithin == false ? 1 : 0, first.figure.distance)
        > (second.figure.isWithin == false ? 1 : 0, second.figure.distance)
    }
    if !moved.isEmpty {
      Output.table(
        ["moved", "figures", "then", "now", "by", "because"],
        moved.prefix(shown).map { job, figure in
          [
            "\(job): \(figure.name)", "\(figure.count)", number(figure.then), number(figure.now),
            Quantity.percent(figure.distance, 2), figure.reason,
          ]
        })
      if moved.count > shown { print("\(moved.count - shown) others moved less; --json has all.") }
    }
    print(verdict.words)
  }

  private static func row(_ step: SessionVerdict.Step) -> [String] {
    let time = Quantity.clock(milliseconds: Double(step.at))
    guard let comparison = step.comparison else {
      return [time, step.words, "-", "-", "-", "-", step.note ?? ""]
    }
    let judged = comparison.moved.filter { $0.isWithin != nil }
    return [
      time, step.words, "\(comparison.compared)", "\(judged.count)",
      "\(judged.count { $0.isWithin == false })", Quantity.fixed(step.seconds, 1), "",
    ]
  }

  private static func number(_ value: Double?) -> String {
    value.map { Quantity.significant($0, 4) } ?? "-"
  }

  private static func words(_ choice: ReportComparison.Choice) -> String {
    "\(choice.name): \(short(choice.then)) then, \(short(choice.now)) now"
  }

  private static func short(_ text: String) -> String {
    text.count > 120 ? "\(text.prefix(117))..." : text
  }
}
