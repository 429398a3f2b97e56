/// What lies in a folder that could be opened: folders, and models with what they are.
package struct PathListing: Hashable, Sendable, Codable {
  /// The folder as it was typed, with its last slash; empty for the current one.
  package var folder: String
  package var entries: [PathEntry]
  /// How many more there are than are listed.
  package var left: Int
  /// Why it cannot be listed, if so.
  package var problem: String?

  package init(folder: String, entries: [PathEntry] = [], left: Int = 0, problem: String? = nil) {
    self.folder = folder
    self.entries = entries
    self.left = left
    self.problem = problem
  }

  /// The folder in which a typed path ends.
  package static func folder(of typed: String) -> String {
    typed.lastIndex(of: "/").map { String(typed[...$0]) } ?? ""
  }

  /// The entries whose names begin as the typed path ends, in any case of letters where none begins in that case.
  package func matches(_ typed: String) -> [PathEntry] {
    guard Self.folder(of: typed) == folder else { return [] }
    let start = typed.dropFirst(folder.count)
    let exact = entries.filter { $0.name.hasPrefix(start) }
    guard exact.isEmpty else { return exact }
    return entries.filter { $0.name.lowercased().hasPrefix(start.lowercased()) }
  }
}

/// A folder or a model in it.
package struct PathEntry: Hashable, Sendable, Codable {
  /// The path that opens it.
  package var path: String
  /// What it is, such as `llama, 669 MB`; nil for a folder that is no model.
  package var about: String?
  /// Why it cannot be opened, if that is seen already.
  package var problem: String?

  package init(path: String, about: String? = nil, problem: String? = nil) {
    self.path = path
    self.about = about
    self.problem = problem
  }

  /// A folder to go into.
  package var isFolder: Bool { about == nil && problem == nil }

  package var name: String { path.split(separator: "/").last.map(String.init) ?? path }
}
