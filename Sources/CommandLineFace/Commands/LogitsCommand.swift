import ArgumentParser
import Engine
import Wording

/// The logits of a text, as a file.
struct LogitsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "logits",
    abstract: "Write the logits of a text under a recipe as safetensors, to check them elsewhere.",
    discussion: """
      The file holds 'ids', int32 [tokens], and 'logits', float32 [tokens, vocabulary]; row t scores the token after t. \
      The text is read in one pass through the kernels and the KV cache that are timed.
      """)

  @OptionGroup var model: ModelArgument
  @OptionGroup var prompt: PromptOptions
  @Option(name: [.customShort("o"), .long], help: "The file to write.")
  var output: String
  @Option(help: "Tokens read at most; the whole text without it, as far as the context goes.")
  var tokens: Int?
  @OptionGroup var recipe: RecipeOptions
  @OptionGroup var calibration: CalibrationGroup
  @OptionGroup var runtime: RuntimeOptions
  @OptionGroup var form: OutputOptions

  func validate() throws {
    if let tokens, !(1...10_000_000).contains(tokens) {
      throw ValidationError("--tokens: expected 1 to 10000000, found \(tokens)")
    }
  }

  func run() throws {
    let session = try CommandSession(runtime)
    let prompt = try prompt.parsed()
    try session.open(model.model, recipe: recipe.parsed(), calibration.options)
    let report = try session.perform(LogitsJob(prompt: prompt, tokens: tokens, path: output))
    if form.json { return try Output.json(report) }
    print(
      "\(report.path): logits of \(Quantity.grouped(report.tokens)) tokens, "
        + "\(Quantity.grouped(report.vocabulary)) each, of \(report.model), \(report.recipe)")
    if report.leftOut > 0 {
      print("\(Quantity.grouped(report.leftOut)) tokens of the text were left out.")
    }
  }
}
