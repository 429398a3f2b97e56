import Glibc

/// Whether a new directory can be put at a path, asked before hours of work are begun for it.
package enum OutputPlace {
  /// Why not, with what was found there; nil where it can: nothing is there, or an empty directory.
  package static func obstacle(at path: String) -> String? {
    let target: ReplacedPath
    do throws(PlatformError) { target = try ReplacedPath(path) } catch {
      return "expected the name of a directory to make, found \"\(path)\""
    }
    return obstacle(there: target) ?? obstacle(above: target.folder)
  }

  private static func obstacle(there target: ReplacedPath) -> String? {
    var status = stat()
    guard lstat(target.path, &status) == 0 else {
      switch errno {
      case ENOENT: return nil
      case ENAMETOOLONG: return "the name is too long"
      case ENOTDIR: return "a part of the path is a file"
      default: return "it cannot be looked at (\(String(cString: strerror(errno))))"
      }
    }
    switch status.st_mode & S_IFMT {
    case S_IFDIR:
      guard access(target.path, R_OK | X_OK) == 0 else { return "a directory that cannot be read" }
      return isEmpty(target.path)
        ? nil : "a directory that is not empty exists already: choose another name"
    case S_IFREG: return "a file of this name exists already: choose another name"
    case S_IFLNK:
      return access(target.path, F_OK) == 0
        ? "a link of this name exists already: choose another name, or what it points to"
        : "a link of this name exists already and points to nothing: choose another name"
    default: return "something that is neither file nor directory exists already"
    }
  }

  /// Whether a directory holds nothing, hidden files counted.
  package static func isEmpty(_ path: String) -> Bool {
    guard let folder = opendir(path) else { return false }
    defer { closedir(folder) }
    while let entry = readdir(folder) {
      let name = FolderListing.name(of: entry)
      if name != ".", name != ".." { return false }
    }
    return true
  }

  private static func obstacle(above folder: String) -> String? {
    var status = stat()
    guard stat(folder, &status) == 0 else {
      return errno == ENOENT
        ? "the folder it should lie in, \(folder), does not exist"
        : "the folder it should lie in, \(folder), cannot be looked at "
          + "(\(String(cString: strerror(errno))))"
    }
    guard status.st_mode & S_IFMT == S_IFDIR else { return "\(folder) is no folder" }
    guard access(folder, W_OK | X_OK) == 0 else {
      return "the folder it should lie in, \(folder), cannot be written to "
        + "(\(String(cString: strerror(errno))))"
    }
    return nil
  }
}
