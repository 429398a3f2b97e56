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
      "Measure perplexity, KL divergence, flips and top-1 agreement against the FP baseline or another model.",
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
  @OptionGroup var keep: KeepOption
  @Option(
    help:
      "Ask the items of a file too: JSON lines with choices or expected answers (docs/tasks.md), or samples that lm-evaluation-harness has logged; 'built-in' for tasks of the built-in model's own world."
  )
  var tasks: String?
  @OptionGroup var witness: WitnessOption
  @OptionGroup var runtime: RuntimeOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    try texts.check(calibration.calibration, evaluation.text)
    try witness.check(model.model, evaluation)
    if evaluation.isFile, base.against != nil {
      throw ValidationError(
        "--baseline FILE: expected none with --against, which is a baseline too")
    }
    let session = try CommandSession(runtime)
    try session.open(
      model.model, recipe: recipe.parsed(), calibration.options(texts), against: base.against)
    let report = try session.perform(EvaluateJob(options: evaluation.options(texts)))
    // A quantized cache breaks silently: facts far back are asked for whenever one is measured.
    let recall =
      report.schedule == nil
      ? nil : try session.perform(RecallJob(documents: RecallJob.smokeDocuments))
    let asked = try tasks.map {
      try session.perform(TasksJob(path: $0 == "built-in" ? nil : $0))
    }
    let testimony = try witness.testimony(model.model, evaluation.text, report)
    if output.json {
      try Output.json(
        AskedDocument(report: report, recall: recall, tasks: asked, witness: testimony))
    } else {
      Self.show(report)
      for line in recall.map(AskedLines.recall) ?? [] { print(line) }
      for line in asked.map(AskedLines.tasks) ?? [] { print(line) }
      if let testimony { WitnessOption.show(testimony, next: report) }
    }
    try keep.save(session, quietly: output.json)
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
    for line in QualityLines(report: report).all { print(line) }
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
