import ArgumentParser
import Engine
import Wording

/// The ids of a text.
struct TokensCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokens",
    abstract: "Print the token ids of a text, to hold them against another program's.")

  @OptionGroup var model: ModelArgument
  @OptionGroup var prompt: PromptOptions
  @OptionGroup var runtime: RuntimeOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    let session = try CommandSession(runtime)
    let prompt = try prompt.parsed()
    _ = try session.load(model.model)
    let report = try session.perform(TokensJob(prompt: prompt))
    if output.json { return try Output.json(report) }
    print(report.ids.map { "\($0)" }.joined(separator: " "))
  }
}
