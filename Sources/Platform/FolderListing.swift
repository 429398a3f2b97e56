import FoundationEssentials
import Glibc

/// What lies in a folder.
package enum FolderListing {
  /// The names in a folder, sorted, hidden ones left out; none where there is no such folder.
  ///
  /// - Throws: `PlatformError.system` where something is there that cannot be listed.
  package static func names(in path: String) throws(PlatformError) -> [String] {
    guard let folder = opendir(path) else {
      if errno == ENOENT { return [] }
      throw .system(operation: "list", path: path, code: errno)
    }
    defer { closedir(folder) }
    var names: [String] = []
    while true {
      errno = 0
      guard let entry = readdir(folder) else { break }
      let name = Self.name(of: entry)
      if !name.hasPrefix(".") { names.append(name) }
    }
    guard errno == 0 else { throw .system(operation: "list", path: path, code: errno) }
    return names.sorted()
  }

  /// The name of an entry that `readdir` gave.
  static func name(of entry: UnsafeMutablePointer<dirent>) -> String {
    withUnsafePointer(to: &entry.pointee.d_name) { field in
      field.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) {
        String(cString: $0)
      }
    }
  }

  /// Removes a folder with what is in it, links themselves and not what they lead to, as far as it can be removed.
  static func removeTree(_ path: String) {
    try? FileManager.default.removeItem(atPath: path)
  }
}
