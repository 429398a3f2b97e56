import Platform
package import TerminalUI

/// The themes that were found, the built-in one always among them.
///
/// A broken file is listed with its problem, never a reason to stop.
package struct ThemeCatalog: Sendable {
  private var themes: [String: Theme]
  /// What is wrong with a theme that was found but cannot be used.
  package private(set) var problems: [String: String] = [:]

  /// Reads all `.toml` files of `folders`; of two with one name the one in the earlier folder counts.
  package init(folders: [String] = []) {
    themes = [Theme.default.name: .default]
    var files: [String: ThemeFile] = [:]
    for folder in folders.reversed() {
      var names: [String] = []
      do { names = try FolderListing.names(in: folder) } catch { problems[folder] = "\(error)" }
      for path in names.filter({ $0.hasSuffix(".toml") }).map({ "\(folder)/\($0)" }) {
        do {
          let file = try Self.read(path)
          files[file.name] = file
          problems[file.name] = nil
        } catch {
          let name = path.split(separator: "/").last.map { String($0.dropLast(5)) } ?? path
          problems[name] = "\(error)"
        }
      }
    }
    for name in files.keys.sorted() {
      do {
        themes[name] = try Self.resolve(name, files, chain: [])
      } catch {
        problems[name] = "\(error)"
      }
    }
  }

  /// The theme of a name; the built-in one when there is none.
  package func theme(named name: String) -> Theme { themes[name] ?? .default }

  /// All of them, the built-in one first.
  package var entries: [ThemeEntry] {
    let names = Set(themes.keys).union(problems.keys).sorted {
      ($0 == Theme.default.name ? "" : $0) < ($1 == Theme.default.name ? "" : $1)
    }
    return names.map { ThemeEntry(name: $0, problem: problems[$0]) }
  }

  private static func resolve(
    _ name: String, _ files: [String: ThemeFile], chain: [String]
  ) throws(ThemeFileError) -> Theme {
    guard let file = files[name] else { return .default }
    guard !chain.contains(name) else {
      throw .inheritsItself(path: file.path, chain: chain + [name])
    }
    guard let parent = file.inherits else { return try file.theme(inheriting: .default) }
    guard files[parent] != nil || parent == Theme.default.name else {
      let known = files.keys.sorted() + [Theme.default.name]
      throw .unknownParent(
        path: file.path, name: parent, nearest: NearestName.of(parent, among: known))
    }
    return try file.theme(inheriting: try resolve(parent, files, chain: chain + [name]))
  }

  private static func read(_ path: String) throws(ThemeFileError) -> ThemeFile {
    let text: String
    do throws(PlatformError) {
      text = try TextFile.read(path, atMost: TOMLBounds.bytes)
    } catch {
      throw .unreadable(path: path, reason: error.cause)
    }
    return try ThemeFile(parsing: text, path: path)
  }
}
