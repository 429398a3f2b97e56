import ArgumentParser
import Engine
import Models
import Wording

/// A text that a model makes.
struct GenerateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract: "Continue a text, or answer messages, with a model as a recipe leaves it.")

  @OptionGroup var model: ModelArgument
  @OptionGroup var prompt: PromptOptions
  @Option(help: "Tokens generated at most.")
  var tokens = 128
  @Option(help: "Sampling temperature; 0 takes the likeliest token.")
  var temperature = 0.0
  @Option(name: .customLong("top-k"), help: "Likeliest tokens to choose from; 0 for all.")
  var topK = 0
  @Option(name: .customLong("top-p"), help: "Share of the probability to choose from.")
  var topP = 1.0
  @Option(
    name: .customLong("min-p"), help: "Drop tokens less likely than this share of the likeliest.")
  var minP = 0.0
  @Option(name: .customLong("sampling-seed"), help: "Seed of the sampling.")
  var samplingSeed: UInt64 = 0
  @OptionGroup var recipe: RecipeOptions
  @OptionGroup var calibration: CalibrationGroup
  @OptionGroup var runtime: RuntimeOptions
  @OptionGroup var output: OutputOptions

  private var sampling: SamplingOptions {
    SamplingOptions(
      temperature: temperature, topK: topK, topP: topP, minP: minP, seed: samplingSeed)
  }

  func validate() throws {
    guard (1...10_000_000).contains(tokens) else {
      throw ValidationError("--tokens: expected 1 to 10000000, found \(tokens)")
    }
    do { try sampling.check() } catch { throw ValidationError("\(error)") }
  }

  func run() throws {
    let session = try CommandSession(runtime)
    let prompt = try prompt.parsed()
    try session.open(model.model, recipe: recipe.parsed(), calibration.options)
    let job = GenerateJob(prompt: prompt, tokens: tokens, sampling: sampling)
    guard !output.json else { return try Output.json(try session.perform(job)) }
    let streams = Output.streams.get()
    let report = try session.perform(job) { streams.say($0) }
    print("")
    var words = "\(report.model), \(report.recipe): \(Quantity.grouped(report.tokens.count)) tokens"
    if let rate = report.decodeRate { words += ", \(Quantity.significant(rate)) a second" }
    session.note(words + " (\(Self.words(report.ending)))")
  }

  private static func words(_ ending: Generator.Ending) -> String {
    switch ending {
    case .stopToken: "the model ended it"
    case .length: "as many as were asked for"
    case .context: "the context is full"
    case .receiver: "stopped"
    }
  }
}
