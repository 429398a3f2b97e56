import ArgumentParser
import CursesBackend
import Engine
import Glibc
import Operators
import Platform
import TerminalUI
import Wording
import Workbench

/// What this machine, this terminal and this installation offer.
struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Show processor, measured peaks, terminal abilities and where files are looked for.")

  @Flag(help: "Measure the peaks of this machine, whatever is kept of them.")
  var measure = false
  @OptionGroup var screen: ScreenOptions
  @OptionGroup var runtime: RuntimeOptions
  @OptionGroup var output: OutputOptions

  private struct Document: Encodable {
    struct Place: Encodable {
      var folder: String
      var origin: String
      var path: String
      var found: Bool
    }

    var processor: String
    var cores: Int
    var memoryBytes: Int
    var providers: [String]
    var bestProvider: String
    var peaks: MachinePeaks
    var terminal: String
    var isTerminal: Bool
    var places: [Place]
    var workspace: String
  }

  func run() throws {
    let session = try CommandSession(runtime)
    let peaks = try session.perform(MachineJob(again: measure))
    let locator = ResourceLocator()
    let searches = [
      (
        "Themes",
        locator.search(for: "Themes", of: "Workbench", explicit: screen.themes, flag: "--themes")
      ),
      (
        "Sessions",
        locator.search(
          for: "Sessions", of: "Workbench", explicit: screen.sessions, flag: "--sessions")
      ),
      ("Machines", locator.search(for: "Machines", of: "Engine")),
      ("built-in model", locator.search(for: "tales-5M", of: "DemoModel")),
    ]
    let document = Document(
      processor: Machine.processorName() ?? "unknown", cores: Machine.usableCores,
      memoryBytes: Machine.memoryTotal() ?? 0,
      providers: ExecutionProvider.allCases.filter(\.isSupported).map(\.rawValue),
      bestProvider: ExecutionProvider.best.rawValue, peaks: peaks,
      terminal: getenv("TERM").map { String(cString: $0) } ?? "",
      isTerminal: Output.streams.get().hasTerminal,
      places: searches.flatMap { name, search in
        search.places.map {
          Document.Place(folder: name, origin: $0.origin, path: $0.path, found: $0.exists)
        }
      }, workspace: session.laboratory.workspace.directory)
    if output.json { return try Output.json(document) }
    print("processor   \(document.processor), \(document.cores) cores")
    print("memory      \(Quantity.bytes(document.memoryBytes))")
    print(
      "providers   \(document.providers.joined(separator: ", ")); best \(document.bestProvider)")
    print(
      "peaks       \(MachineLimit.all.map(peaks.words).joined(separator: ", ")) on \(peaks.threads) threads"
    )
    print("            \(peaks.provenance)")
    print(
      "terminal    \(document.terminal.isEmpty ? "TERM is not set" : document.terminal)"
        + (document.isTerminal ? "" : ", output is not a terminal"))
    print("workspace   \(document.workspace)")
    for place in document.places {
      print(
        "\(place.found ? "found" : "     ")       \(place.folder): \(place.path) (\(place.origin))")
    }
  }
}
