import ArgumentParser
import CursesBackend
import Engine
import FoundationEssentials
import Platform
import Shell
import TerminalUI
import Workbench

/// Where themes and sessions are looked for, and how the terminal is used.
struct ScreenOptions: ParsableArguments {
  @Option(help: "Colours: mono, 8, 16, 256 or truecolor; what the terminal offers without it.")
  var color: String?
  @Option(help: "Theme, by name.")
  var theme: String?
  @Option(help: "Folder with themes.")
  var themes: String?
  @Option(help: "Folder with sessions.")
  var sessions: String?
  @Flag(help: "Draw with ASCII characters only.")
  var ascii = false
  @Flag(name: .customLong("no-mouse"), help: "Leave the mouse to the terminal.")
  var noMouse = false

  private static let depths: [String: ColorDepth] = [
    "mono": .mono, "8": .ansi8, "16": .ansi16, "256": .ansi256, "truecolor": .trueColor,
  ]

  func validate() throws {
    if let color, Self.depths[color] == nil {
      throw ValidationError("--color: expected mono, 8, 16, 256 or truecolor, found '\(color)'")
    }
  }

  var terminal: TerminalOptions {
    TerminalOptions(
      color: color.flatMap { Self.depths[$0] }, glyphs: ascii ? .ascii : nil,
      usesMouse: !noMouse)
  }

  /// Takes the terminal over.
  ///
  /// - Throws: `CommandFailure` with why it cannot be.
  @MainActor func openTerminal() throws -> Terminal {
    do {
      return try Terminal(options: terminal)
    } catch {
      throw CommandFailure(message: "\(error)")
    }
  }

  func themeCatalog(_ locator: ResourceLocator = ResourceLocator()) -> ThemeCatalog {
    ThemeCatalog(
      folders: locator.search(for: "Themes", of: "Workbench", explicit: themes, flag: "--themes")
        .existing)
  }

  func sessionFolders(_ locator: ResourceLocator = ResourceLocator()) -> [String] {
    locator.search(for: "Sessions", of: "Workbench", explicit: sessions, flag: "--sessions")
      .existing
  }

  /// Where lessons are read, and what the learner answered is kept.
  func lessonDesk(
    _ locator: ResourceLocator = ResourceLocator(), course: LessonClass? = nil,
    learner: String? = nil, seed: UInt64? = nil
  ) -> LessonDesk {
    LessonDesk(
      folders: sessionFolders(locator), progressPath: progressPath(locator, learner: learner),
      language: LessonDesk.userLanguage(ProcessInfo.processInfo.environment), course: course,
      seed: seed)
  }

  /// The file of a learner, or the user's own.
  func progressPath(
    _ locator: ResourceLocator = ResourceLocator(), learner: String? = nil
  ) -> String? {
    locator.stateFolder.map { folder in
      learner.map { "\(folder)/learners/\($0).json" } ?? "\(folder)/lessons.json"
    }
  }

  /// Where a lesson that is shown to a room says how far it is.
  func beacon(_ locator: ResourceLocator = ResourceLocator()) -> LessonBeacon? {
    locator.stateFolder.map { LessonBeacon(path: $0 + "/presenting.json") }
  }

  /// The models that were opened last.
  func recentModels(_ locator: ResourceLocator = ResourceLocator()) -> RecentModels {
    RecentModels(file: locator.stateFolder.map { $0 + "/models.json" })
  }

  /// Where recordings are written: the user's own data, never next to the program.
  func recordings(_ locator: ResourceLocator = ResourceLocator()) -> String {
    sessions ?? (locator.dataFolder ?? ".") + "/Sessions"
  }
}

/// Opens the workbench; without a terminal it runs the same walk and prints the verdict.
struct WorkbenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "workbench", abstract: "Open the workbench (the default).")

  @OptionGroup var model: ModelArgument
  @OptionGroup var base: BaseOption
  @Option(help: "Record the session from its beginning, under this title.")
  var title: String?
  @OptionGroup var screen: ScreenOptions
  @OptionGroup var runtime: RuntimeOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    guard Output.streams.get().hasTerminal, !output.json else {
      try HeadlessWalk(session: CommandSession(runtime), asJSON: output.json).run(
        model.model, against: base.against)
      return
    }
    let laboratory = try runtime.laboratory()
    let code = try MainActor.assumeIsolated { try open(laboratory) }
    if code != 0 { throw ExitCode(code) }
  }

  @MainActor private func open(_ laboratory: Laboratory) throws -> Int32 {
    let terminal = try screen.openTerminal()
    let themes = screen.themeCatalog()
    var state = State(size: terminal.size)
    if let theme = screen.theme { state.theme = theme }
    var loop = WorkbenchLoop(
      terminal: terminal, store: Store(state: state), laboratory: laboratory, themes: themes,
      recordings: screen.recordings(), lessons: screen.lessonDesk(),
      recents: screen.recentModels())
    let catalog = CatalogSource(
      laboratory: laboratory, themes: themes, sessionFolders: screen.sessionFolders(),
      model: model.model, lessons: screen.lessonDesk(), recents: screen.recentModels())
    loop.begin(
      catalog.messages() + [.launch(model: model.model, against: base.against)], recording: title)
    let code = loop.run()
    for line in loop.end() { print(line) }
    return code
  }
}
