import Glibc

/// Keeps a second process out of a folder for as long as this object lives.
package final class FolderLock {
  private let descriptor: Int32

  /// Locks the folder by its file `lock`; nil when another process holds it.
  ///
  /// - Throws: `PlatformError` when the file cannot be made.
  package init?(folder: String) throws(PlatformError) {
    let path = folder + "/lock"
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw .system(operation: "open", path: path, code: errno)
    }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      close(descriptor)
      return nil
    }
  }

  deinit { close(descriptor) }
}
