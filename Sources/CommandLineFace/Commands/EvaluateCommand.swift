import ArgumentParser
import Engine
import Evaluation
import Models
import Wording

/// Quality of a recipe against its baseline, or of one file against another.
struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract:
      "Measure perplexity, KL divergence and top-1 agreement against the FP baseline or another model.",
    discussion: """
      With --against BASE, MODEL is a candidate, such as a file that somebody else has quantized. A model that is opened \
      quantized, without its base, is its own reference: figures then say what it is stored as.
      """)

  @OptionGroup var model: ModelArgument
  @OptionGroup var base: BaseOption
  @OptionGroup var recipe: RecipeOptions
  @OptionGroup var calibration: CalibrationGroup
  @OptionGroup var texts: ChatTextOption
  @OptionGroup var evaluation: EvaluationGroup
  @Option(
    name: .customLong("with"),
    help: ArgumentHelp(
      "Have another program measure the same file on the same windows: \(Witness.allCases.map(\.rawValue).joined(separator: " or ")), in a Python that has it (NIBBLE_PYTHON, else python3).",
      valueName: "program"))
  var witness: String?
  @OptionGroup var runtime: RuntimeOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard let witness else { return }
    guard Witness(rawValue: witness) != nil else {
      throw ValidationError(
        "--with: expected \(Witness.allCases.map(\.rawValue).joined(separator: " or ")), found '\(witness)'"
      )
    }
    guard model.model != nil, evaluation.text != nil, evaluation.protocolName == "llama.cpp" else {
      throw ValidationError(
        "--with: expected a MODEL and --text, which the other program can read, and the protocol llama.cpp"
      )
    }
  }

  func run() throws {
    try texts.check(calibration.calibration, evaluation.text)
    let session = try CommandSession(runtime)
    try session.open(
      model.model, recipe: recipe.parsed(), calibration.options(texts), against: base.against)
    let report = try session.perform(EvaluateJob(options: evaluation.options(texts)))
    guard let witness = witness.flatMap({ Witness(rawValue: $0) }), let path = model.model,
      let text = evaluation.text
    else {
      if output.json { return try Output.json(report) }
      return Self.show(report)
    }
    let testimony = try witness.evaluate(
      path, text: text, window: report.window, windows: report.windows)
    if output.json {
      return try Output.json(Witnessed(evaluation: report, witness: testimony))
    }
    Self.show(report)
    Self.show(testimony, next: report)
  }

  /// Both in one document.
  private struct Witnessed: Encodable {
    var evaluation: EvaluationReport
    var witness: Witness.Testimony
  }

  private static func show(_ testimony: Witness.Testimony, next report: EvaluationReport) {
    let apart = report.perplexity / testimony.perplexity - 1
    Output.table(
      ["program", "version", "perplexity", "tokens"],
      [
        [
          "nibble", ProgramVersion.current, Quantity.fixed(report.perplexity, 4),
          "\(report.tokens)",
        ],
        [
          testimony.program, testimony.version, Quantity.fixed(testimony.perplexity, 4),
          "\(testimony.tokens)",
        ],
      ])
    print("  ours differs by \(Quantity.percent(apart, significant: 2))")
    if let system = testimony.system { print("  \(testimony.program): \(system)") }
  }

  static func show(_ report: EvaluationReport) {
    print(
      ([report.recipe]
        + [report.planted, report.rotated].compactMap(\.self).filter {
          !report.recipe.contains($0)
        })
        .joined(separator: ", ")
        + " on \(report.text): protocol \(report.protocol.rawValue), "
        + "\(report.windows) windows of \(report.window), \(report.tokens) tokens scored"
        + (report.begin.map { ", \($0.words)" } ?? ""))
    func pm(_ value: Double, _ error: Double, _ digits: Int) -> String {
      Quantity.fixed(value, digits)
        + (report.windows > 1 ? " +- \(Quantity.fixed(error, digits))" : "")
    }
    print(
      "  perplexity      \(pm(report.perplexity, report.perplexityError, 4))   "
        + (report.baseline.storedAs == nil ? "baseline " : "")
        + "\(report.baseline.name) \(pm(report.baseline.perplexity, report.baseline.perplexityError, 4))"
    )
    print(
      "  KL divergence   \(pm(report.kl.mean, report.kl.error, 6)) nats   median "
        + "\(Quantity.significant(report.kl.median)), 90 % \(Quantity.significant(report.kl.p90)), "
        + "99 % \(Quantity.significant(report.kl.p99)), max \(Quantity.significant(report.kl.max))")
    print(
      "  noise floor     \(Quantity.significant(report.noiseFloor.klMean)) nats (this program's BF16 against F32)"
    )
    print("                  \(NoiseFloorWords.others)")
    print(
      "  top-1 agreement \(Quantity.percent(report.topOneAgreement, 2))"
        + (report.windows > 1 ? " +- \(Quantity.percent(report.topOneAgreementError, 2))" : ""))
    if report.windows == 1 {
      print("  error bars      none: one window tells nothing of how texts differ")
    }
    print(
      "  weights         \(Quantity.bytes(report.weightBytes)), KV cache "
        + "\(report.kvBytesPerToken) bytes a token")
    if let schedule = report.schedule { print("  cache read      \(schedule)") }
    if let caveat = report.caveat { print("  note            \(caveat)") }
    if let share = report.inputs?.clipShare {
      let worst = report.inputs?.worstBlock.map {
        ", most in block \($0): \(Quantity.percent(report.inputs?.worstClipShare ?? 0, significant: 2))"
      }
      print(
        "  clipped inputs  \(Quantity.percent(share, significant: 2)) lie beyond the calibrated ranges"
          + (worst ?? ""))
    }
    if let share = report.inputs?.outlierShare {
      print("  outlier columns \(Quantity.percent(share, 2)) multiplied in floating point")
    }
  }
}
