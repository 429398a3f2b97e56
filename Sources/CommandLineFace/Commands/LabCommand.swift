import ArgumentParser
import Engine
import Quantization
import Wording

/// What outliers do to each method.
struct LabCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lab",
    abstract: "Measure what outliers in activations do to each method.",
    discussion: """
      Plants more and more of them, which changes nothing the model computes in full precision, and measures W8A8, \
      LLM.int8(), SmoothQuant, FP8 and W4A16 on each, all against the model as it is.
      """)

  @OptionGroup var model: ModelArgument
  @Option(help: "Channels planted in each norm.")
  var channels = 8
  @Option(
    help: "Factors, powers of two, with commas between; 1 is the model as it is.")
  var factors = "1,8,32,128"
  @Option(name: .customLong("plant-seed"), help: "Seed for choosing channels.")
  var plantSeed: UInt64 = 0
  @Option(help: "Windows of 256 tokens that quality is measured on.")
  var windows = 16
  @Flag(help: "Fewer rows.")
  var quick = false
  @OptionGroup var calibration: CalibrationGroup
  @OptionGroup var texts: ChatTextOption
  @OptionGroup var resume: ResumeOption
  @OptionGroup var runtime: RuntimeOptions
  @OptionGroup var output: OutputOptions

  private var parsedFactors: [Int]? {
    let parts = factors.split(separator: ",", omittingEmptySubsequences: false).map {
      Int($0.filter { $0 != " " })
    }
    let found = parts.compactMap { $0 }
    return found.count == parts.count && Set(found).count == found.count ? found : nil
  }

  func validate() throws {
    guard (2...100_000).contains(windows) else {
      throw ValidationError("--windows: expected 2 to 100000, found \(windows)")
    }
    guard let parsedFactors else {
      throw ValidationError(
        "--factors: expected different numbers such as 1,8,32, found '\(factors)'")
    }
    do {
      for factor in parsedFactors where factor != 1 {
        try (options.planting(factor) ?? .init(channels: channels, factor: factor)).check()
      }
    } catch {
      throw ValidationError("--factors, --channels: \(error)")
    }
  }

  private var options: OutlierLabOptions {
    OutlierLabOptions(
      channels: channels, factors: parsedFactors ?? [], seed: plantSeed, windows: windows,
      isQuick: quick, calibration: calibration.options(texts))
  }

  func run() throws {
    try texts.check(calibration.calibration)
    let session = try CommandSession(runtime)
    _ = try session.load(model.model)
    let job = OutlierLabJob(options: options)
    let report = try session.performLong(
      job, resume: resume.resume,
      line: { part in
        "x\(part.facts.factor) \(part.row.name): perplexity \(Quantity.fixed(part.row.perplexity, 3)), KL "
          + Quantity.significant(part.row.kl)
      },
      ended: { parts in
        guard let report = job.folded(parts) else { return }
        if output.json {
          try Output.json(partial: LabDocument(report: report))
        } else {
          Self.show(report)
        }
      })
    if output.json { return try Output.json(LabDocument(report: report)) }
    Self.show(report)
  }

  static func show(_ report: OutlierLabReport) {
    print(
      "\(report.model), \(report.options.windows) windows of evaluation text, all against the model as it is in "
        + "full precision; \(Quantity.seconds(report.seconds))")
    for side in report.sides {
      print("\n\(side.facts.factor == 1 ? "As it is" : side.facts.name)")
      Output.table(
        [
          "recipe", "perplexity", "+-", "KL", "+-", "range left", "worst", "columns apart",
          "zeroed",
        ],
        side.rows.map { row in
          [
            row.name, Quantity.fixed(row.perplexity, 3),
            Quantity.error(row.perplexityError, windows: report.options.windows),
            Quantity.significant(row.kl),
            Quantity.error(row.klError, windows: report.options.windows),
            Quantity.fixed(row.meanRatio ?? row.ratio, 1), Quantity.fixed(row.ratio, 1),
            row.flagged.map { Quantity.fixed($0, 0) } ?? "-",
            row.zeroed.map { Quantity.percent($0) } ?? "-",
          ]
        })
      for line in report.words(of: side) { print(line) }
    }
    print(
      """

      range left: the farthest channel over the one in the middle, of what is quantized or would be, mean over the inputs \
      after norms, and the worst of them. columns apart: those LLM.int8() multiplies in floating point in a window, of the whole model. zeroed: \
      weights of planted columns that became 0.
      """)
  }
}

/// The JSON document of `lab`: the report, and what it says.
private struct LabDocument: Encodable {
  let report: OutlierLabReport

  private enum Key: String, CodingKey {
    case words
  }

  func encode(to encoder: any Encoder) throws {
    try report.encode(to: encoder)
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(
      report.sides.map { ["factor \($0.facts.factor)"] + report.words(of: $0) }, forKey: .words)
  }
}
