import Glibc

/// The name that a file or a folder has while it is made, held by a lock for as long as its program lives.
///
/// A program that is killed leaves its name without a lock. Whoever makes the same thing next takes such leftovers away, and
/// only them: `.NAME.MARK.tmp` of that very name, held by nobody.
struct TemporaryName {
  let path: String
  /// The descriptor whose lock says that somebody is at work; -1 for none.
  let holder: Int32

  /// Makes a file that is open for writing.
  ///
  /// - Throws: `PlatformError.system`, which names the final path.
  static func file(for target: ReplacedPath) throws(PlatformError) -> (TemporaryName, Descriptor) {
    removeLeftovers(of: target)
    while true {
      let path = target.temporaryPath()
      let descriptor = try Descriptor(
        opening: path, O_WRONLY | O_CREAT | O_EXCL, knownAs: target.path)
      if holds(descriptor.number) {
        // The lock outlasts the closing, which comes before the file has its name.
        let holder = fcntl(descriptor.number, F_DUPFD_CLOEXEC, 3)
        return (TemporaryName(path: path, holder: holder), descriptor)
      }
      _ = close(descriptor.number)  // It was taken for a leftover before it was held, and is gone.
    }
  }

  /// Makes a folder.
  static func folder(for target: ReplacedPath) throws(PlatformError) -> TemporaryName {
    removeLeftovers(of: target)
    while true {
      let path = target.temporaryPath()
      guard mkdir(path, 0o777) == 0 else {
        throw .system(operation: "create", path: path, code: errno)
      }
      let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
      guard descriptor >= 0 else {
        // Gone again, or a folder that may be written and not read, which is held by nothing.
        if errno == ENOENT { continue }
        return TemporaryName(path: path, holder: -1)
      }
      if holds(descriptor) { return TemporaryName(path: path, holder: descriptor) }
      close(descriptor)
    }
  }

  /// Lets go, when what was made has its name or is gone.
  func release() {
    if holder >= 0 { close(holder) }
  }

  /// Locks what was just made; false where somebody removed it before.
  private static func holds(_ descriptor: Int32) -> Bool {
    // A file system without locks has no leftovers that anybody could tell from files at work.
    if flock(descriptor, LOCK_EX | LOCK_NB) != 0 { return errno != EWOULDBLOCK }
    var status = stat()
    return fstat(descriptor, &status) != 0 || status.st_nlink > 0
  }

  /// Removes what killed programs left of this name; what cannot be removed harms nothing.
  private static func removeLeftovers(of target: ReplacedPath) {
    guard let folder = opendir(target.folder) else { return }
    defer { closedir(folder) }
    while let entry = readdir(folder) {
      let name = FolderListing.name(of: entry)
      guard target.isTemporary(name) else { continue }
      remove((target.folder == "/" ? "" : target.folder) + "/" + name)
    }
  }

  private static func remove(_ path: String) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    var status = stat()
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0, fstat(descriptor, &status) == 0 else { return }
    switch status.st_mode & S_IFMT {
    case S_IFREG: unlink(path)
    case S_IFDIR: FolderListing.removeTree(path)
    default: break
    }
  }
}
