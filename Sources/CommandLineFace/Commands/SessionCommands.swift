import ArgumentParser
import CursesBackend
import Engine
import FoundationEssentials
import Platform
import Shell
import TerminalUI
import Wording
import Workbench

/// Plays a recorded session in the terminal, or prints one of its frames.
struct ReplayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay", abstract: "Play a session; --headless prints one frame as text.")

  @Argument(help: "The session file, or the name of one that ships with the program.")
  var file: String
  @Flag(help: "Print one frame as text instead of playing.")
  var headless = false
  @Option(help: "The moment of the frame: seconds, or 'end'.")
  var at = "end"
  @Option(help: "The size of the frame: COLUMNSxROWS; the recorded size without it.")
  var size: String?
  @OptionGroup var screen: ScreenOptions
  @OptionGroup var runtime: RuntimeOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if at != "end", Double(at).map({ $0 >= 0 && $0.isFinite }) != true {
      throw ValidationError("--at: expected seconds or 'end', found '\(at)'")
    }
    if let size, Self.parse(size) == nil {
      throw ValidationError("--size: expected COLUMNSxROWS such as 100x30, found '\(size)'")
    }
  }

  static func parse(_ text: String) -> Size? {
    let parts = text.split(separator: "x").compactMap { Int($0) }
    guard parts.count == 2, (1...1000).contains(parts[0]), (1...1000).contains(parts[1]) else {
      return nil
    }
    return Size(width: parts[0], height: parts[1])
  }

  func run() throws {
    let session = try SessionFile.read(try SessionPath.resolve(file, screen))
    for remark in session.remarks { ProgressLine().note("\(file): \(remark)") }
    if headless || output.json || !Output.streams.get().hasTerminal {
      let frame = PlayerView.frame(
        session, at: Double(at).map { $0 * 1000 } ?? Double(session.milliseconds),
        size: size.flatMap(Self.parse) ?? session.header.size)
      if output.json {
        return try Output.json([
          "title": session.header.title, "at": at, "frame": frame,
        ])
      }
      print(frame)
      return
    }
    let laboratory = try runtime.laboratory()
    let code = try MainActor.assumeIsolated { try play(session, laboratory) }
    if code != 0 { throw ExitCode(code) }
  }

  @MainActor private func play(_ session: Session, _ laboratory: Laboratory) throws -> Int32 {
    let terminal = try screen.openTerminal()
    let size = terminal.size
    var loop = WorkbenchLoop(
      terminal: terminal, store: Store(state: State(size: size)), laboratory: laboratory,
      themes: screen.themeCatalog(), recordings: screen.recordings(),
      lessons: screen.lessonDesk(), recents: screen.recentModels(), startedAt: session.milliseconds)
    loop.play(session)
    let code = loop.run()
    for line in loop.end() { print(line) }
    return code
  }
}

/// Finds a session by path, or by name in the folders of the program and the user.
enum SessionPath {
  static func resolve(_ name: String, _ screen: ScreenOptions) throws -> String {
    if FileManager.default.fileExists(atPath: name) { return name }
    let folders = screen.sessionFolders()
    for folder in folders {
      for candidate in [name, name + ".session"] {
        let path = folder + "/" + candidate
        if FileManager.default.fileExists(atPath: path) { return path }
      }
    }
    throw CommandFailure(
      message: "no session '\(name)': expected a file, or a name in "
        + (folders.isEmpty ? "a Sessions folder (none was found)" : folders.joined(separator: ", "))
    )
  }
}

/// Lists, checks, compares and exports sessions.
struct SessionsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sessions",
    abstract: "List, check, compare, verify and export recorded sessions.",
    subcommands: [
      SessionsListCommand.self, SessionsDiffCommand.self, SessionsVerifyCommand.self,
      SessionsExportCommand.self, SessionsMarkdownCommand.self,
    ],
    defaultSubcommand: SessionsListCommand.self)
}

/// Lists and checks sessions, and writes one as an asciicast.
struct SessionsListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List and check sessions, write an asciicast (the default).")

  @Argument(help: "Sessions to check, by path or name; all that are found without any.")
  var names: [String] = []
  @Option(help: "Write the first session as an asciicast (version 2) to this file.")
  var asciicast: String?
  @OptionGroup var screen: ScreenOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    try SessionListing(names: names, asciicast: asciicast, screen: screen)
      .run(asJSON: output.json)
  }
}

/// What `sessions` does.
struct SessionListing {
  let names: [String]
  let asciicast: String?
  let screen: ScreenOptions

  func run(asJSON: Bool) throws {
    let paths = try names.map { try SessionPath.resolve($0, screen) }
    if let asciicast {
      guard let first = paths.first else {
        throw CommandFailure(message: "--asciicast needs the session to export", code: 2)
      }
      let session = try SessionFile.read(first)
      let lines = Asciicast.lines(session, size: session.header.size)
      try WholeFile.write(lines.joined(separator: "\n") + "\n", to: asciicast)
      if !asJSON { print("Wrote \(asciicast): \(lines.count - 1) frames.") }
      return
    }
    let entries =
      paths.isEmpty
      ? SessionCatalog.entries(folders: screen.sessionFolders())
      : paths.map(SessionFile.entry)
    if asJSON {
      try Output.json(entries)
    } else if entries.isEmpty {
      print("None found in \(screen.sessionFolders().joined(separator: ", ")).")
    } else {
      Output.table(
        ["title", "language", "length", "file", "problem"],
        entries.map {
          [
            $0.title, $0.language, Quantity.seconds(Double($0.milliseconds) / 1000), $0.path,
            $0.problem ?? "",
          ]
        })
    }
    let broken = entries.count { $0.problem != nil }
    if broken > 0 { throw CommandFailure(message: "\(broken) cannot be played", code: 3) }
  }
}

/// Lists and checks themes.
struct ThemesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "themes", abstract: "List and check themes.")

  @OptionGroup var screen: ScreenOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    let entries = screen.themeCatalog().entries
    if output.json {
      try Output.json(entries)
    } else {
      Output.table(["theme", "problem"], entries.map { [$0.name, $0.problem ?? ""] })
    }
    let broken = entries.count { $0.problem != nil }
    if broken > 0 { throw CommandFailure(message: "\(broken) themes cannot be used", code: 3) }
  }
}
