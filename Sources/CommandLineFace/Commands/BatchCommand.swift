import ArgumentParser
import Engine
import Operators
import Profiling
import Wording

/// Decode and prefill of many sequences together, several forms of a model side by side.
struct BatchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "batch",
    abstract: "Measure the batch at which each form stops winning, and what binds it there.",
    discussion: """
      One decode step of many sequences reads the weights once for all of them: small batches are bound by memory, where \
      fewer bytes win, large ones by arithmetic, where a faster unit wins. The forms are made from the open model by \
      rounding to nearest and take turns; caches hold random vectors, so that what is decoded means nothing, how long it \
      takes does. Prefill runs as many prompts together.
      """)

  @OptionGroup var model: ModelArgument
  @Option(help: "Batches: numbers with commas between, 4..64 doubles from 4 to 64.")
  var batches = "1..64"
  @Option(
    help: ArgumentHelp(
      "Forms, with commas between: \(BatchForm.allCases.map(\.rawValue).joined(separator: ", "))."))
  var forms = BatchForm.standard.map(\.rawValue).joined(separator: ",")
  @Option(help: "Tokens in each cache before those that are decoded.")
  var depth = 128
  @Option(help: "Tokens of each prompt that prefill runs; 0 leaves prefill out.")
  var prompt = 32
  @Option(help: "Tokens decoded of each sequence in a repetition.")
  var steps = 8
  @Option(help: "Repetitions; the median is reported.")
  var repetitions = 5
  @OptionGroup var runtime: RuntimeOptions
  @OptionGroup var output: OutputOptions

  private func options() throws -> BatchOptions {
    let options = BatchOptions(
      forms: try BatchOptions.forms(forms), batches: try BatchOptions.batches(batches),
      depth: depth, prompt: prompt, steps: steps, repetitions: repetitions)
    try options.check()
    return options
  }

  func validate() throws {
    do { _ = try options() } catch { throw ValidationError("\(error)") }
  }

  func run() throws {
    let session = try CommandSession(runtime)
    _ = try session.load(model.model)
    let report = try session.perform(BatchJob(options: try options()))
    if output.json { return try Output.json(BatchDocument(report)) }
    Self.show(report)
  }

  static func show(_ report: BatchReport) {
    print(
      "\(report.model): \(report.steps) tokens of each sequence decoded after \(report.depth), median of "
        + "\(report.repetitions), \(report.provider.rawValue), \(report.threads) threads, "
        + Quantity.seconds(report.seconds))
    let peaks = report.peaks
    print(
      "this machine: reads \(Quantity.rate(peaks.readBandwidth, "B/s")), multiplies "
        + "\(Quantity.rate(peaks.bf16Rate, "op/s")) in BF16, \(Quantity.rate(peaks.int8Rate, "op/s")) in "
        + "INT8, \(Quantity.rate(peaks.fp32Rate, "op/s")) in FP32")
    if let note = MachineShare.note(report.othersCores) { print(note) }
    print("\nDecode, tokens a second of all sequences (* the fastest form):")
    rates(report, .decode)
    if report.prompt > 0 {
      print("\nPrefill of as many prompts of \(report.prompt) tokens together, tokens a second:")
      rates(report, .prefill)
    }
    print(
      "\nWhat a decode step is nearer to, operations a byte, and the share of that limit it reaches:"
    )
    table(report) { point in
      "\(point.bound.rawValue) \(Quantity.significant(point.intensity, 2)) "
        + Quantity.percent(point.limitShare)
    }
    print("\nWhere a step's time goes: linear layers, attention with its cache, all else")
    table(report) { point in
      [point.linearShare, point.attentionShare, 1 - point.linearShare - point.attentionShare]
        .map { Quantity.percent(max(0, $0)) }.joined(separator: ", ")
    }
    for crossover in report.crossovers() {
      print("\n\(crossover.sentence)")
      if let reason = report.reason(crossover) { print("  \(reason)") }
    }
    print("")
    for line in report.bounds { print(line) }
    if report.points.contains(where: { $0.limitShare > 1 }) {
      print(
        "More than 100 %: the kernels read faster than the probe did; small models stay in the processor's "
          + "cache from step to step.")
    }
  }

  private static func rates(_ report: BatchReport, _ figure: BatchFigure) {
    table(report) { point in
      guard let rate = figure.rate(point) else { return "-" }
      let isBest = report.best(batch: point.batch, of: figure) == point.form
      return Quantity.significant(rate) + (isBest ? "*" : " ")
    }
  }

  /// Batches down, forms across.
  private static func table(_ report: BatchReport, _ cell: (BatchReport.Point) -> String) {
    Output.table(
      ["batch"] + report.forms.map(\.name),
      report.batches.map { batch in
        ["\(batch)"]
          + report.forms.map { form in report.point(form.name, batch: batch).map(cell) ?? "-" }
      })
  }
}
