import FoundationEssentials
import Glibc

/// A directory that is built under a temporary name and appears, complete, when it is committed.
///
/// The temporary name lies in the same folder. One that is neither committed nor abandoned is removed
/// when it is released, and by the next run where the program was killed.
package final class WholeDirectory {
  /// Where to write the content; paths under it are lost after `commit` and `abandon`.
  package let temporaryPath: String
  /// The final path.
  package let path: String

  private let target: ReplacedPath
  private let temporary: TemporaryName
  /// Mapped files that had lost pages when this was begun.
  private let losses = MappedFile.losses
  private let replacesOld: Bool
  private let fillsEmpty: Bool
  private var isOpen = true

  /// Makes an empty directory under a temporary name.
  ///
  /// - Parameter replacing: whether a directory that is there already gives way at `commit`, where it
  ///   is first moved aside; otherwise it is an error (`EEXIST`), now and at `commit`.
  /// - Parameter fillingEmpty: whether an empty directory that is there already is taken, if it still is at `commit`.
  package init(
    path: String, replacing: Bool = false, fillingEmpty: Bool = false
  ) throws(PlatformError) {
    target = try ReplacedPath(path)
    self.path = target.path
    replacesOld = replacing
    fillsEmpty = fillingEmpty
    var status = stat()
    if lstat(self.path, &status) == 0 {
      let isFilled = fillingEmpty && OutputPlace.isEmpty(self.path)
      guard replacing || isFilled, status.st_mode & S_IFMT == S_IFDIR else {
        throw .system(operation: "create", path: path, code: EEXIST)
      }
    }
    temporary = try TemporaryName.folder(for: target)
    temporaryPath = temporary.path
  }

  deinit {
    abandon()
    temporary.release()
  }

  /// The temporary path of the file `name` inside.
  package func path(of name: String) -> String { temporaryPath + "/" + name }

  /// Syncs every file inside and gives the directory its final name.
  package func commit() throws(PlatformError) {
    guard isOpen else { throw .system(operation: "create", path: path, code: EBADF) }
    do throws(PlatformError) {
      guard MappedFile.losses == losses else { throw PlatformError.sourceLost(path: path) }
      try syncContent()
      try moveIntoPlace()
      isOpen = false
    } catch {
      abandon()
      throw error
    }
    try Descriptor.syncFolder(target.folder)
  }

  /// Removes everything written so far; does nothing after a commit.
  package func abandon() {
    guard isOpen else { return }
    isOpen = false
    Self.remove(temporaryPath)
  }

  private func moveIntoPlace() throws(PlatformError) {
    var status = stat()
    let isTaken = lstat(path, &status) == 0
    if isTaken, fillsEmpty, !replacesOld {
      // The system puts a directory in the place of one only while that is empty.
      return try Self.rename(temporaryPath, to: path)
    }
    guard !isTaken || replacesOld else {
      throw .system(operation: "create", path: path, code: EEXIST)
    }
    // Not a leftover: until the new one has its place this is all there is.
    let old = target.temporaryPath(ending: "old")
    if isTaken { try Self.rename(path, to: old) }
    do throws(PlatformError) {
      try Self.rename(temporaryPath, to: path)
    } catch {
      if isTaken { try Self.rename(old, to: path) }
      throw error
    }
    if isTaken { Self.remove(old) }
  }

  private static func rename(_ path: String, to other: String) throws(PlatformError) {
    guard Glibc.rename(path, other) == 0 else {
      throw .system(operation: "rename \(path) to", path: other, code: errno)
    }
  }

  private static func remove(_ path: String) {
    // What cannot be removed stays under a hidden name and harms nothing.
    FolderListing.removeTree(path)
  }

  private func syncContent() throws(PlatformError) {
    let names: [String]
    do {
      names = try FileManager.default.subpathsOfDirectory(atPath: temporaryPath)
    } catch {
      throw .system(operation: "list", path: temporaryPath, code: EIO)
    }
    for name in names {
      var status = stat()
      let inner = path(of: name)
      guard lstat(inner, &status) == 0 else {
        throw .system(operation: "examine", path: inner, code: errno)
      }
      switch status.st_mode & S_IFMT {
      case S_IFREG:
        let descriptor = try Descriptor(opening: inner, O_RDONLY)
        defer { _ = close(descriptor.number) }  // Nothing was written through it.
        try descriptor.sync()
      case S_IFDIR: try Descriptor.syncFolder(inner)
      default: break
      }
    }
    try Descriptor.syncFolder(temporaryPath)
  }
}
