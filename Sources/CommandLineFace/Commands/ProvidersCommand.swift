import ArgumentParser
import Engine
import Models
import Operators
import Profiling
import Wording

/// One quantized model under every execution provider, and with single kernels disabled.
struct ProvidersCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "providers",
    abstract: "Why is my quantized model not faster? Every execution provider, BF16 alongside.",
    discussion: """
      The same model runs under each provider of this machine (generic, avx2, avx512), then under the best one with each \
      kernel of its own layers disabled in turn, so that they fall back to weights expanded to BF16. All take turns, who \
      goes first alternates, medians count; 'x FP' is the rate over that of the FP baseline under the same provider. \
      Providers that are too slow for the time get fewer tokens, as their rows tell.
      """)

  @OptionGroup var model: ModelArgument
  @OptionGroup var recipe: RecipeOptions
  @OptionGroup var calibration: CalibrationGroup
  @Option(help: "Tokens of the prompt.")
  var prompt = 128
  @Option(help: "Tokens generated.")
  var generate = 32
  @Option(help: "Repetitions; the median is reported.")
  var repetitions = 3
  @Option(help: "Seconds that all rounds together may take; slow providers get fewer tokens.")
  var seconds = 60.0
  @Option(help: "Tokens on which logits are compared with those of plain C, at most.")
  var compared = 128
  @OptionGroup var runtime: RuntimeOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    for (name, value, lowest) in [
      ("--prompt", prompt, 1), ("--generate", generate, 1), ("--repetitions", repetitions, 1),
      ("--compared", compared, 8),
    ] where !(lowest...1_000_000).contains(value) {
      throw ValidationError("\(name): expected \(lowest) to 1000000, found \(value)")
    }
    guard (1...86400).contains(seconds) else {
      throw ValidationError("--seconds: expected 1 to 86400, found \(seconds)")
    }
    guard runtime.provider == nil, runtime.disabledKernels.isEmpty else {
      throw ValidationError(
        "--provider and --disable-kernel: expected neither, since all of them are compared")
    }
  }

  func run() throws {
    let session = try CommandSession(runtime)
    try session.open(model.model, recipe: recipe.parsed(), calibration.options)
    let options = ProviderOptions(
      prompt: prompt, generate: generate, repetitions: repetitions, seconds: seconds,
      compared: compared)
    let report = try session.perform(ProvidersJob(options: options))
    if output.json { return try Output.json(report) }
    Self.show(report)
  }

  static func show(_ report: ProviderReport) {
    print(
      "\(report.model), \(report.recipe): prompt \(report.promptTokens), generate "
        + "\(report.generatedTokens), \(BenchCommand.medianWords(report.repetitions)), "
        + "\(report.threads) threads")
    if let note = MachineShare.note(report.othersCores) { print(note) }
    let base = report.baselineWords.short
    func rate(_ rate: BenchReport.Rate) -> String { rate.words }
    func ratio(_ value: Double?) -> String { value.map(ProviderReport.times) ?? "-" }
    Output.table(
      [
        "provider", "without", "prefill tok/s", "x \(base)", "decode tok/s", "x \(base)", "packed",
        "native",
        "KL to generic", "kernel", "why",
      ],
      report.rows.map { row in
        [
          row.provider.rawValue, row.disabled.isEmpty ? "-" : row.disabled.joined(separator: " "),
          rate(row.prefill), ratio(row.prefillRatio), rate(row.decode), ratio(row.decodeRatio),
          Quantity.bytes(row.packedBytes), Quantity.percent(row.nativeShare),
          row.kl.map { Quantity.significant($0, 2) } ?? "-", row.mainKernel?.name ?? "-",
          row.mainKernel?.reason ?? "",
        ]
      })
    if !report.baselines.isEmpty {
      print("\n\(report.baselineWords.sentence) alongside:")
      Output.table(
        ["provider", "prefill tok/s", "decode tok/s", "packed"],
        report.baselines.map {
          [
            $0.provider.rawValue, rate($0.prefill), rate($0.decode), Quantity.bytes($0.packedBytes),
          ]
        })
    }
    print("")
    for lesson in report.lessons { print(lesson) }
  }
}
