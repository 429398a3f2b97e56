import ArgumentParser
import CursesBackend
import Engine
import Shell
import TerminalUI
import Workbench

/// What a screen of the workbench shows, as text: for scripts, tests and screen readers.
struct ScreenCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "screen",
    abstract: "Print what a screen of the workbench shows, as text.",
    discussion: """
      The model is opened, the keys are pressed one after the other, each job is waited for, and the screen is printed as \
      it is then. Names of screens: \(Screens.all.map { $0.id }.joined(separator: ", ")).
      """)

  @Argument(help: "The screen, by its name.")
  var name: String
  @Option(help: "A Hugging Face directory, a GGUF file, or what 'nibble quantize' wrote.")
  var model: String?
  @OptionGroup var base: BaseOption
  @Option(help: "Columns and rows: 80x24.")
  var size = "100x30"
  @Option(
    help:
      "Keys to press before it is printed, with commas between them: 2,3,enter,enter; words are typed."
  )
  var keys = ""
  @Flag(help: "Text alone, also to a terminal, where colours are printed without it.")
  var plain = false
  @OptionGroup var screen: ScreenOptions
  @OptionGroup var runtime: RuntimeOptions
  @OptionGroup var output: OutputOptions

  private var measured: Size? {
    let parts = size.lowercased().split(separator: "x", omittingEmptySubsequences: false)
      .compactMap { Int($0) }
    guard parts.count == 2, (1...Size.largestWidth).contains(parts[0]),
      (1...Size.largestHeight).contains(parts[1])
    else { return nil }
    return Size(width: parts[0], height: parts[1])
  }

  func validate() throws {
    guard measured != nil else {
      throw ValidationError(
        "--size: expected columns x rows such as 80x24, up to \(Size.largestWidth)x\(Size.largestHeight), found '\(size)'"
      )
    }
  }

  private struct Document: Encodable {
    var screen: String
    var size: Size
    var lines: [String]
  }

  func run() throws {
    let laboratory = try runtime.laboratory()
    let themes = screen.themeCatalog()
    let size = measured ?? Size(width: 100, height: 30)
    var still = StillScreen(
      laboratory,
      catalog: CatalogSource(
        laboratory: laboratory, themes: themes, sessionFolders: screen.sessionFolders(),
        model: model, lessons: screen.lessonDesk()), size: size, theme: screen.theme)
    if let problem = still.open(model, against: base.against) {
      throw CommandFailure(message: problem)
    }
    for word in keys.split(separator: ",").map({ String($0) }) {
      if let press = KeyPress(name: word) {
        still.press(press)
      } else {
        for letter in word { still.press(KeyPress(.character(letter))) }
      }
    }
    // Keys may have gone somewhere else; what they have opened is what is to be seen.
    guard still.state.screen == name.lowercased() || still.show(name) else {
      throw ValidationError(
        "expected a screen, one of \(Screens.all.map { $0.id }.joined(separator: ", ")), found '\(name)'"
      )
    }
    let options = screen.terminal
    let colours = !plain && !output.json && Output.streams.get().hasTerminal
    let depth: ColorDepth = options.color ?? (colours ? .ansi256 : .mono)
    let look = Look(
      theme: themes.theme(named: still.state.theme), depth: depth,
      glyphs: GlyphSet(options.glyphs ?? .unicode))
    let picture = still.picture(look)
    let lines = picture.snapshot().split(separator: "\n", omittingEmptySubsequences: false)
      .map { String($0) }
    if output.json {
      return try Output.json(Document(screen: still.state.screen, size: size, lines: lines))
    }
    if colours { return Output.streams.get().show(picture) }
    for line in lines { print(line) }
  }
}
