import Checkpoints
import FoundationEssentials
import Platform
import Wording
package import Workbench

/// Lists what a typed path could lead to: the folders, and the models with architecture and size, told from their headers.
package enum PathLister {
  /// Names that are looked at, and entries that are told of.
  private static let mostNames = 5000
  private static let mostEntries = 200

  /// - Parameters:
  ///   - typed: as it stands in the field; `~/` is the home folder.
  ///   - home: the home folder; nil where there is none.
  package static func listing(typed: String, home: String?) -> PathListing {
    let folder = PathListing.folder(of: typed)
    var real = folder
    if folder.hasPrefix("~/"), let home { real = home + folder.dropFirst() }
    if !real.isEmpty, !FileManager.default.fileExists(atPath: real) {
      return PathListing(folder: folder, problem: "There is no folder \(folder)")
    }
    let names: [String]
    do {
      names = try FolderListing.names(in: real.isEmpty ? "." : real)
    } catch {
      return PathListing(folder: folder, problem: "\(error)")
    }
    var entries: [PathEntry] = []
    let wanted = names.count > mostEntries ? matching(typed.dropFirst(folder.count), names) : names
    var left = names.count - min(wanted.count, mostNames)
    for name in wanted.prefix(mostNames) {
      if entries.count == mostEntries {
        left += 1
      } else if let entry = entry(real + name) {
        entries.append(entry)
      }
    }
    // What can be opened comes first.
    let models = entries.filter { !$0.isFolder }
    return PathListing(
      folder: folder, entries: models + entries.filter(\.isFolder), left: left)
  }

  /// The names that begin so, in any case of letters: of a large folder no others are looked at.
  private static func matching(_ start: Substring, _ names: [String]) -> [String] {
    names.filter { $0.lowercased().hasPrefix(start.lowercased()) }
  }

  /// A folder or a model; nil for any other file.
  private static func entry(_ path: String) -> PathEntry? {
    if path.hasSuffix(".gguf") {
      return told(path) {
        let file = try GGUFFile(path: path)
        return (try file.optionalText("general.architecture"), file.byteCount)
      }
    }
    guard let directory = try? ModelDirectory(path: path) else { return nil }
    guard directory.has("config.json") else { return PathEntry(path: path) }
    return told(path) {
      let config = try ConfigFile(path: directory.path(of: "config.json"))
      let bytes =
        if let file = try directory.onlyGGUF() {
          try MappedFile(path: file).byteCount
        } else {
          try Checkpoint(path: path).byteCount
        }
      return (try config.optionalText("model_type"), bytes)
    }
  }

  private static func told(
    _ path: String, _ body: () throws -> (architecture: String?, bytes: Int)
  ) -> PathEntry {
    do {
      let (architecture, bytes) = try body()
      return PathEntry(
        path: path, about: "\(architecture ?? "a model"), \(Quantity.bytes(bytes))")
    } catch {
      return PathEntry(path: path, problem: "cannot be opened: \(error)")
    }
  }
}
