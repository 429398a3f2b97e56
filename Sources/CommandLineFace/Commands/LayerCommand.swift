import ArgumentParser
import Engine
import Models
import Operators
import Platform
import Quantization
import Wording

/// One linear layer quantized by itself, each step timed.
struct LayerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "layer",
    abstract: "Quantize one linear layer and time each step.",
    discussion: """
      The layer and its calibration inputs are random numbers of the shape of real ones, or the F32 tensors 'weight' \
      [rows, columns] and 'inputs' [tokens, columns] of a safetensors file. Of the recipe options --weights, \
      --asymmetric, --set weights.KEY=VALUE and --recipe apply; gptq:4:128 without them.
      """)

  @Option(help: "Output channels of the random layer; 2048 without it.")
  var rows: Int?
  @Option(help: "Input channels of the random layer; 2048 without it.")
  var columns: Int?
  @Option(help: "Tokens of the random inputs; 4096 without it.")
  var tokens: Int?
  @Option(help: "Seed of the random numbers; 0 without it.")
  var seed: UInt64?
  @Option(help: "A safetensors file with the layer and its inputs instead of random ones.")
  var input: String?
  @Option(
    name: [.customShort("o"), .customLong("output")],
    help: "A safetensors file for the values of the quantized weight, as the tensor 'weight'.")
  var file: String?
  @Option(help: "Repetitions; medians are reported.")
  var repetitions = 3
  @OptionGroup var recipe: RecipeOptions
  @OptionGroup var runtime: RuntimeOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    for (name, value) in [("--rows", rows), ("--columns", columns), ("--tokens", tokens)] {
      guard let value else { continue }
      guard (1...(1 << 22)).contains(value) else {
        throw ValidationError("\(name): expected 1 to \(1 << 22), found \(value)")
      }
      if input != nil {
        throw ValidationError("\(name): expected none with --input, whose file has its own sizes")
      }
    }
    if input != nil, seed != nil {
      throw ValidationError("--seed: expected none with --input, which holds no random numbers")
    }
    guard (1...1000).contains(repetitions) else {
      throw ValidationError("--repetitions: expected 1 to 1000, found \(repetitions)")
    }
  }

  func run() throws {
    let choice = try choice()
    let pool = WorkerPool(threads: runtime.threads ?? Machine.usableCores)
    let provider = runtime.provider.flatMap(ExecutionProvider.init(rawValue:)) ?? .best
    let session = try CommandSession(runtime)
    let sample =
      try input.map { try LayerSample(path: $0) }
      ?? LayerSample(
        rows: rows ?? 2048, columns: columns ?? 2048, tokens: tokens ?? 4096, seed: seed ?? 0,
        pool: pool)
    let trial = try LayerTrial(sample, choice, pool: pool, provider: provider)
    if let note = trial.note { session.note("Note: \(note).") }
    var found: (report: LayerTrialReport, values: [Float])?
    try session.show("quantizing", unit: "repetitions") { progress in
      found = try trial.run(repetitions: repetitions, progress: progress)
    }
    guard let found else { throw CommandFailure(message: "quantizing gave no report") }
    if let file { try trial.write(found.values, to: file) }
    if output.json { return try Output.json(found.report) }
    Self.show(found.report)
    if let file { print("Wrote \(file).") }
  }

  private func choice() throws -> MethodChoice {
    let parsed = try recipe.parsed()
    guard parsed.activations == nil, parsed.keys == nil, parsed.values == nil,
      parsed.exceptions.isEmpty, parsed.transforms.isEmpty
    else {
      throw ValidationError("expected a choice for weights alone, found '\(parsed)'")
    }
    guard let weights = parsed.weights else {
      guard recipe.weights == nil, recipe.set.isEmpty, recipe.recipe == nil else {
        throw ValidationError("expected a method for weights, found none in the recipe")
      }
      return try RecipeText.choice("gptq:4", target: .weights)
    }
    return weights
  }

  static func show(_ report: LayerTrialReport) {
    print(
      "\(report.method): \(report.rows) x \(report.columns), \(report.tokens) tokens, "
        + "\(report.threads) threads, provider \(report.provider.rawValue), median of "
        + "\(report.repetitions)")
    Output.table(
      ["step", "seconds", "share", "fastest", "slowest"],
      (report.phases + [report.total]).map { phase in
        [
          phase.name, Quantity.fixed(phase.seconds, 4),
          Quantity.percent(phase.seconds / max(report.total.seconds, 1e-12)),
          Quantity.fixed(phase.fastest, 4), Quantity.fixed(phase.slowest, 4),
        ]
      })
    Output.table(
      ["", "proxy loss", "relative output error"],
      [
        [
          report.method.method, Quantity.significant(report.proxyLoss, 5),
          Quantity.fixed(report.relativeError, 6),
        ],
        [
          "nearest", Quantity.significant(report.nearestProxyLoss, 5),
          Quantity.fixed(report.nearestRelativeError, 6),
        ],
      ])
    print(
      "\(Quantity.fixed(report.bits, 3)) bits a weight; peak memory "
        + "\(Quantity.bytes(report.peakResidentBytes)), \(Quantity.bytes(report.sampleBytes)) of it the "
        + "layer and its inputs")
    if let fallback = report.fallback { print("Not as asked: \(fallback)") }
  }
}
