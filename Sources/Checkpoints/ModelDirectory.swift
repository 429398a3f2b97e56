import Glibc
package import Platform

/// A model's directory in the layout of Hugging Face.
///
/// Names the program itself chooses (`config.json`) are opened as the user's own path would be, links
/// followed. Names that a *file* chooses, such as shards, may be a link only as Hugging Face's cache
/// makes them: one step, to a file that still lies inside the cached model.
package struct ModelDirectory: Sendable {
  package let path: String

  /// - Throws: `CheckpointError` when `path` is no directory.
  package init(path: String) throws(CheckpointError) {
    var status = stat()
    guard stat(path, &status) == 0 else {
      throw .platform(.system(operation: "open", path: path, code: errno))
    }
    guard status.st_mode & S_IFMT == S_IFDIR else {
      throw .malformed(file: path, item: "model", expected: "a directory", found: "a file")
    }
    self.path = path
  }

  /// The path of `name` inside.
  package func path(of name: String) -> String { path + "/" + name }

  /// Whether there is something called `name`.
  package func has(_ name: String) -> Bool { access(path(of: name), F_OK) == 0 }

  /// Maps the file that an index calls `name`.
  ///
  /// - Throws: `CheckpointError` for a link that leads elsewhere, a directory, device or pipe.
  package func openNamed(_ name: String) throws(CheckpointError) -> MappedFile {
    let path = path(of: name)
    var status = stat()
    guard lstat(path, &status) == 0 else {
      throw .platform(.system(operation: "open", path: path, code: errno))
    }
    var real = path
    if status.st_mode & S_IFMT == S_IFLNK {
      guard let step = Self.oneStep(from: path, in: self.path) else {
        throw .malformed(
          file: path, item: "link", expected: "one that stays inside the model's folder",
          found: "one that leads elsewhere")
      }
      real = step
    }
    return try CheckpointError.wrapping { () throws(PlatformError) in
      try MappedFile(path: real, followingLink: false)
    }
  }

  /// The real path a link names, when that is no further link and lies under the folder of the cached
  /// model: `<model>/snapshots/<revision>/x` may lead to `<model>/blobs/y`, other folders keep to
  /// themselves.
  private static func oneStep(from link: String, in folder: String) -> String? {
    guard let target = readLink(link), let realFolder = realPath(folder) else { return nil }
    let full = target.hasPrefix("/") ? target : realFolder + "/" + target
    var status = stat()
    guard lstat(full, &status) == 0, status.st_mode & S_IFMT != S_IFLNK,
      let real = realPath(full)
    else { return nil }
    var parts = realFolder.split(separator: "/")
    if parts.count >= 2, parts[parts.count - 2] == "snapshots" { parts.removeLast(2) }
    let root = "/" + parts.joined(separator: "/") + "/"
    return real.hasPrefix(root) ? real : nil
  }

  private static func readLink(_ path: String) -> String? {
    let bytes = [UInt8](unsafeUninitializedCapacity: Int(PATH_MAX)) { buffer, count in
      buffer.withMemoryRebound(to: CChar.self) { text in
        count = text.baseAddress.map { max(0, readlink(path, $0, text.count)) } ?? 0
      }
    }
    return bytes.isEmpty || bytes.count == Int(PATH_MAX)
      ? nil : String(validating: bytes, as: UTF8.self)
  }

  private static func realPath(_ path: String) -> String? {
    guard let real = realpath(path, nil) else { return nil }
    defer { free(real) }
    return String(cString: real)
  }
}
