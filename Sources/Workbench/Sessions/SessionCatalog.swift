import FoundationEssentials

/// The session files of some folders, as the browser lists them.
package enum SessionCatalog {
  /// All session files, by title, lessons in the order of their file names; broken ones with their problem.
  package static func entries(folders: [String]) -> [SessionEntry] {
    var seen: Set<String> = []
    var entries: [SessionEntry] = []
    for folder in folders {
      // A folder that cannot be listed has no sessions; `doctor` tells which folders were looked at.
      let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
      for name in names.sorted() where name.hasSuffix(SessionFile.ending) {
        guard seen.insert(name).inserted else { continue }
        entries.append(SessionFile.entry("\(folder)/\(name)"))
      }
    }
    return entries
  }
}
