import ArgumentParser
import Workbench

/// Explains the words of the field.
struct GlossaryCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "glossary", abstract: "Explain the words of the field, a sentence each.")

  @Argument(help: "Only words that contain this.")
  var word: String?
  @OptionGroup var language: LanguageOption
  @OptionGroup var screen: ScreenOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    let all = try Glossary.terms(language.chosen, in: screen.sessionFolders())
    let terms = all.filter { term in
      guard let word else { return true }
      return ([term.word] + term.also).contains { $0.lowercased().contains(word.lowercased()) }
    }
    if output.json { return try Output.json(terms) }
    guard !terms.isEmpty else {
      throw CommandFailure(message: "no word '\(word ?? "")' among \(all.count) in the glossary")
    }
    for term in terms {
      let also = term.also.isEmpty ? "" : " (\(term.also.joined(separator: ", ")))"
      print("\(term.word)\(also)\n  \(term.text)\n")
    }
  }
}
