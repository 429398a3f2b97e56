import Platform

/// The session files of some folders, as the browser lists them.
package enum SessionCatalog {
  /// All session files, by title, lessons in the order of their file names; broken ones and folders that cannot be listed
  /// with their problem.
  package static func entries(folders: [String]) -> [SessionEntry] {
    var seen: Set<String> = []
    var entries: [SessionEntry] = []
    for folder in folders {
      var names: [String] = []
      do { names = try FolderListing.names(in: folder) } catch {
        entries.append(SessionEntry(unreadable: folder, problem: "\(error)"))
      }
      for name in names where name.hasSuffix(SessionFile.ending) {
        guard seen.insert(name).inserted else { continue }
        entries.append(SessionFile.entry("\(folder)/\(name)"))
      }
    }
    return entries
  }
}
