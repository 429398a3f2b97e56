import Checkpoints
import DemoModel
package import Engine
import FoundationEssentials
import Platform
import Quantization
import TerminalUI
package import Workbench

/// What can be chosen from, as the workbench is told when it starts.
package struct CatalogSource {
  let laboratory: Laboratory
  let themes: ThemeCatalog
  let sessionFolders: [String]
  /// The model given on the command line, listed with the built-in one.
  let model: String?
  let lessons: LessonDesk

  package init(
    laboratory: Laboratory, themes: ThemeCatalog, sessionFolders: [String], model: String?,
    lessons: LessonDesk = LessonDesk()
  ) {
    self.lessons = lessons
    self.laboratory = laboratory
    self.themes = themes
    self.sessionFolders = sessionFolders
    self.model = model
  }

  /// The messages that fill the catalog.
  package func messages() -> [Message] {
    let (neighbours, unlisted) = Self.neighbours()
    let lessonListing = lessons.listing
    var parts: [CatalogPart] = [
      .models(entries: models + neighbours.filter { $0.path != model }),
      .methods(descriptions: QuantizationMethods.descriptions),
      .machines(peaks: laboratory.machines.machines),
      .themes(entries: themes.entries),
      .exportFormats(
        entries: ExportFormats.choices.map { ExportEntry(name: $0.name, summary: $0.summary) }),
      .sessions(entries: SessionCatalog.entries(folders: sessionFolders)),
      .lessons(entries: lessonListing.entries, language: lessons.language),
    ]
    let stored = laboratory.workspace.runs()
    let problems =
      unlisted + stored.problems + laboratory.machines.problems
      + lessonListing.problems.map { "What was done of the lessons is not known: \($0)" }
    parts += stored.runs.map { .run(record: $0) }
    return parts.map { .catalog(part: $0) }
      + problems.map { .notice(kind: .problem, text: $0) }
  }

  private var models: [ModelEntry] {
    var entries = [ModelEntry(name: DemoModel.name, path: nil, kind: "built-in")]
    if let model { entries.append(Self.entry(model)) }
    return entries
  }

  /// Model directories in the current folder, and why it cannot be listed; the path of a model can still be typed then.
  private static func neighbours() -> (models: [ModelEntry], problems: [String]) {
    do {
      let names = try FolderListing.names(in: ".").prefix(200).filter {
        $0.hasSuffix(".gguf") || FileManager.default.fileExists(atPath: $0 + "/config.json")
      }
      return (names.map { entry($0) }, [])
    } catch {
      return ([], ["\(error)"])
    }
  }

  private static func entry(_ path: String) -> ModelEntry {
    let name = path.split(separator: "/").last.map(String.init) ?? path
    do {
      if try CheckpointKind(of: path) == .gguf {
        return ModelEntry(
          name: name, path: path, kind: "GGUF file",
          fileBytes: try MappedFile(path: path).byteCount)
      }
      if let file = try ModelDirectory(path: path).onlyGGUF() {
        return ModelEntry(
          name: name, path: path, kind: "GGUF in a directory",
          fileBytes: try MappedFile(path: file).byteCount)
      }
      let checkpoint = try Checkpoint(path: path)
      return ModelEntry(
        name: name, path: path, kind: "directory", fileBytes: checkpoint.byteCount)
    } catch {
      return ModelEntry(name: name, path: path, kind: "directory", problem: "\(error)")
    }
  }
}
