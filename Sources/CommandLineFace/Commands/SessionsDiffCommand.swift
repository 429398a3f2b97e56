import ArgumentParser
import Platform
import Workbench

/// Tells what two sessions chose differently, and what came out differently.
struct SessionsDiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Tell what two sessions chose differently, and what came out differently.")

  @Argument(help: "A session, by path or name.")
  var one: String
  @Argument(help: "Another one.")
  var other: String
  @OptionGroup var screen: ScreenOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    let digests = try [one, other].map { name in
      SessionDigest(try SessionFile.read(try SessionPath.resolve(name, screen)))
    }
    if output.json { return try Output.json(digests) }
    let rows = SessionDigest.differences(digests[0], digests[1])
    guard !rows.isEmpty else {
      return print("The same was chosen, and the same came out.")
    }
    Output.table(["", digests[0].title, digests[1].title], rows)
  }
}

/// Writes a session as a text in Markdown.
struct SessionsMarkdownCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "markdown",
    abstract: "Write what was done and measured in a session, and its screens, as Markdown.")

  @Argument(help: "A session, by path or name.")
  var name: String
  @Option(name: [.customShort("o"), .long], help: "The file to write; standard output without it.")
  var output: String?
  @OptionGroup var screen: ScreenOptions

  func run() throws {
    let text = SessionDigest.markdown(try SessionFile.read(try SessionPath.resolve(name, screen)))
    guard let output else { return print(text, terminator: "") }
    try WholeFile.write(text, to: output)
    print("Wrote \(output).")
  }
}
