import ArgumentParser
import Engine
import Evaluation
import Models
import Planning
import Quantization
import Wording

/// The method a model, a workload and a runtime need.
struct ChooseCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "choose",
    abstract:
      "Choose a method for a model under a workload: one recipe, and the table it was chosen from.",
    discussion: """
      Plans, takes the methods of the targets that the workload gains by, measures them on the same text, lets go early \
      of those that cannot win, times the rest under the workload with the baseline in the same rounds, and recommends \
      one. Without a method within the limits it names the nearest and ends with exit code 3. What a choice has measured on \
      the same model and texts counts in the next one, whatever its limits.
      """)

  @OptionGroup var model: ModelArgument
  @OptionGroup var workload: WorkloadGroup
  @Option(
    help:
      "A limit, as often as wanted: kl=0.02 (nats), top1=0.9, bytes=1.5GB (weights and cache of the workload)."
  )
  var limit: [String] = []
  @Option(
    name: .customLong("for"),
    help:
      "The runtime that is to execute it natively: vllm, llama.cpp, onnx, tensorrt, openvino, torchao."
  )
  var target: String?
  @Option(help: "Time it may take: 15m, 90s, 1h.")
  var time = "15m"
  @Option(help: "Text file to measure on; the built-in text without it.")
  var text: String?
  @Option(help: "Windows of 512 tokens at most.")
  var windows = 32
  @Option(help: "Write the recommended recipe to this TOML file.")
  var save: String?
  @OptionGroup var calibration: CalibrationGroup
  @Flag(
    help:
      "Measure everything again, whatever an earlier choice on the same model and texts has measured."
  )
  var again = false
  @Flag(
    help:
      "Measure every candidate to the end and time it, also those that cannot win: slower, and shows what the choice was worth."
  )
  var exhaustive = false
  @OptionGroup var resume: ResumeOption
  @OptionGroup var keep: KeepOption
  @OptionGroup var runtime: RuntimeOptions
  @OptionGroup var output: OutputOptions

  /// The limits as they were typed.
  private struct Limits {
    var kl = 0.02
    var topOne = 0.9
    var bytes: Double?

    init(_ items: [String]) throws {
      for item in items {
        let parts = item.split(separator: "=", maxSplits: 1).map(String.init)
        let name = parts.first ?? ""
        let value = parts.count == 2 ? parts[1] : ""
        switch name {
        case "kl":
          guard let number = Double(value), number >= 0, number < 100 else {
            throw ValidationError("--limit kl: expected nats from 0 to 100, found '\(value)'")
          }
          kl = number
        case "top1":
          guard let number = Double(value), (0...1).contains(number) else {
            throw ValidationError("--limit top1: expected a share from 0 to 1, found '\(value)'")
          }
          topOne = number
        case "bytes":
          guard let number = ByteText.parse(value) else {
            throw ValidationError(
              "--limit bytes: expected a size such as 1.5GB or 400MB, found '\(value)'")
          }
          bytes = number
        default:
          throw ValidationError(
            "--limit: expected kl=NUMBER, top1=SHARE or bytes=SIZE, found '\(item)'")
        }
      }
    }
  }

  /// Seconds of `15m`, `90s`, `1h`; nil for anything else.
  private var seconds: Double? {
    let units: [Character: Double] = ["s": 1, "m": 60, "h": 3600]
    guard let unit = time.last.flatMap({ units[$0] }), let number = Double(time.dropLast()),
      number > 0, number <= 1000
    else { return nil }
    return number * unit
  }

  func validate() throws {
    _ = try Limits(limit)
    guard seconds != nil else {
      throw ValidationError("--time: expected a time such as 15m, 90s or 1h, found '\(time)'")
    }
    guard (1...100_000).contains(windows) else {
      throw ValidationError("--windows: expected 1 to 100000, found \(windows)")
    }
  }

  func run() throws {
    let session = try CommandSession(runtime)
    let summary = try session.load(model.model)
    let limits = try Limits(limit)
    let job = ChooseJob(
      options: ChooseOptions(
        workload: workload.workload(context: summary.shape.context), machine: workload.machine,
        runtime: target == "nibble" ? nil : target, mostKL: limits.kl, leastTopOne: limits.topOne,
        mostBytes: limits.bytes,
        text: text, windows: windows, calibration: calibration.options, seconds: seconds ?? 900,
        exhaustive: exhaustive ? true : nil))
    let report = try session.performLong(
      job, resume: resume.resume, reuses: !again, line: { Self.line($0) },
      ended: { rows in
        let newest = rows.reduce(into: [ChooseReport.Row]()) { all, row in
          all.removeAll { $0.recipe == row.recipe }
          all.append(row)
        }
        if output.json {
          try Output.json(partial: ["rows": newest])
        } else {
          Self.table(newest, winner: nil)
        }
      })
    if let save, let winner = report.winner {
      try RecipeFile.write(report.rows[winner].recipe, to: save)
    }
    if output.json { try Output.json(ChooseDocument(report: report)) } else { Self.show(report) }
    if !output.json, let save, report.winner != nil {
      print("Wrote the recommended recipe to \(save).")
    }
    try keep.save(session, quietly: output.json)
    guard report.winner != nil else {
      throw CommandFailure(message: "no method is within the limits", code: 3)
    }
  }

  /// A candidate whose standing changed, in a line; nil before it is measured.
  private static func line(_ row: ChooseReport.Row) -> String? {
    switch row.standing {
    case .refused: return "\(row.recipe): left out, \(row.reason)"
    case .left: return "\(row.recipe): left after \(row.windows) windows, \(row.reason)"
    case .notReached: return "\(row.recipe): \(row.reason)"
    case .untimed, .finalist:
      guard let kl = row.kl else { return nil }
      let speed = row.timing.map { ", \(Quantity.times($0.speedup.median)) as fast" } ?? ""
      return
        "\(row.recipe): KL \(Quantity.significant(kl.mean)) after \(row.windows) windows\(speed)"
    }
  }

  private static func table(_ rows: [ChooseReport.Row], winner: Int?) {
    Output.table(
      [
        "", "recipe", "KL", "+-", "KL at depth", "top-1", "perplexity", "weights", "cache",
        "a request", "as fast",
        "windows", "stands",
      ],
      rows.enumerated().map { place, row in
        let speed = row.timing?.speedup
        return [
          place == winner ? ">" : "", "\(row.recipe)",
          row.kl.map { Quantity.significant($0.mean) } ?? "-",
          row.kl.map { Quantity.significant($0.error, 2) } ?? "-",
          row.atDepth.map {
            "\(Quantity.significant($0.kl.mean)) (\(Quantity.grouped($0.depth)))"
          } ?? "-",
          row.topOne.map { Quantity.percent($0, 1) } ?? "-",
          row.perplexity.map { Quantity.fixed($0.mean, 3) } ?? "-",
          Quantity.bytes(row.weightBytes), Quantity.bytes(row.cacheBytes),
          row.timing.map { Quantity.seconds($0.request) } ?? "-",
          speed.map {
            "\(Quantity.times($0.median)) (\(Quantity.fixed($0.low, 2)) to \(Quantity.fixed($0.high, 2)))"
          } ?? "-", row.windows > 0 ? "\(row.windows)" : "-", stands(row),
        ]
      })
    for row in rows where !row.reason.isEmpty { print("\(row.recipe): \(row.reason).") }
  }

  private static func stands(_ row: ChooseReport.Row) -> String {
    let limits = row.isWithin == false ? ", outside the limits" : ""
    let support = row.support.map { ", \($0.runtime): \($0.support.rawValue)" } ?? ""
    let words: String =
      switch row.standing {
      case .finalist: "timed"
      case .untimed: "measured"
      case .left: "left early"
      case .refused: "left out"
      case .notReached: "not measured"
      }
    return words + limits + support
  }

  static func show(_ report: ChooseReport) {
    print(report.sentence)
    print("\n\(report.reason)\n")
    table(report.rows, winner: report.winner)
    print(
      "\n\(report.model) on \(report.machine); quality on \(report.text), windows of \(report.windowTokens) tokens; "
        + "calibrated on \(report.calibrationText); \(Quantity.seconds(report.seconds))")
    if !report.changes.isEmpty { print("What would change it, and what is not known:") }
    for line in report.changes { print("  - \(line)") }
  }
}

/// The JSON document of `choose`: the report, and what it says.
private struct ChooseDocument: Encodable {
  let report: ChooseReport

  private enum Key: String, CodingKey {
    case sentence, changes, isModelled
  }

  func encode(to encoder: any Encoder) throws {
    try report.encode(to: encoder)
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(report.sentence, forKey: .sentence)
    try container.encode(report.changes, forKey: .changes)
    try container.encode(report.isModelled, forKey: .isModelled)
  }
}
