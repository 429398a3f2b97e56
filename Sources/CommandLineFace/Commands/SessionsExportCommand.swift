import ArgumentParser
import Platform
import TerminalUI
import Wording
import Workbench

/// Writes a session for those who have no Nibble: a page, a film, a text.
struct SessionsExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write a session as one HTML page with a slider, an asciicast, or Markdown.")

  @Argument(help: "A session, by path or name.")
  var name: String
  @Option(help: "Write a page: pictures under a slider, markers, notes, figures; no network.")
  var html: String?
  @Option(help: "Write an asciicast, for asciinema and its players.")
  var cast: String?
  @Option(
    name: .customLong("cast-version"),
    help: "Version of the asciicast: 2, which every player knows, or 3.")
  var castVersion = 2
  @Option(help: "Write what was done and measured, and the screens at markers, as Markdown.")
  var markdown: String?
  @Option(help: "The size of the pictures: COLUMNSxROWS; the recorded size without it.")
  var size: String?
  @OptionGroup var screen: ScreenOptions

  func validate() throws {
    if html == nil, cast == nil, markdown == nil {
      throw ValidationError("export: expected --html, --cast or --markdown with a file, found none")
    }
    if Asciicast.Version(rawValue: castVersion) == nil {
      throw ValidationError("--cast-version: expected 2 or 3, found \(castVersion)")
    }
    if let size, ReplayCommand.parse(size) == nil {
      throw ValidationError("--size: expected COLUMNSxROWS such as 100x30, found '\(size)'")
    }
  }

  func run() throws {
    let session = try SessionFile.read(try SessionPath.resolve(name, screen))
    for remark in session.remarks { ProgressLine().note("\(name): \(remark)") }
    let size = size.flatMap(ReplayCommand.parse) ?? session.header.size
    let look = Look(theme: screen.themeCatalog().theme(named: screen.theme ?? session.header.theme))
    if let html {
      try write(SessionPage(session, size: size, look: look).html, to: html)
    }
    if let cast {
      let version = Asciicast.Version(rawValue: castVersion) ?? .two
      let lines = Asciicast.lines(session, size: size, version: version, look: look)
      try write(lines.joined(separator: "\n") + "\n", to: cast)
    }
    if let markdown { try write(SessionDigest.markdown(session), to: markdown) }
  }

  private func write(_ text: String, to path: String) throws {
    try WholeFile.write(text, to: path)
    print("Wrote \(path), \(Quantity.bytes(text.utf8.count)).")
  }
}
