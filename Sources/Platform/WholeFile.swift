import Glibc

/// Writing of files that are either entirely old or entirely new.
///
/// The bytes go to a temporary name in the same folder, are synced, and take the place of the old file
/// by `rename`; then the folder is synced. After any error the old file is untouched and the temporary
/// one gone. A symbolic link is followed: what it points to is replaced.
package enum WholeFile {
  /// Replaces the file at `path` by `bytes`.
  package static func write(_ bytes: UnsafeRawBufferPointer, to path: String)
    throws(PlatformError)
  {
    let writer = try WholeFileWriter(path: path, reserving: bytes.count)
    try writer.append(bytes)
    try writer.commit()
  }

  /// Replaces the file at `path` by `bytes`.
  package static func write(_ bytes: [UInt8], to path: String) throws(PlatformError) {
    let writer = try WholeFileWriter(path: path, reserving: bytes.count)
    try writer.append(bytes)
    try writer.commit()
  }

  /// Replaces the file at `path` by `text` in UTF-8.
  package static func write(_ text: String, to path: String) throws(PlatformError) {
    try write(Array(text.utf8), to: path)
  }
}

/// A file that is written piece by piece and appears only when it is committed.
///
/// See `WholeFile`. One that is neither committed nor abandoned is abandoned when it is released, and removed by the next
/// writer of the same path where the program was killed.
package final class WholeFileWriter {
  /// Bytes appended so far.
  package private(set) var byteCount = 0

  private let target: ReplacedPath
  private let temporary: String
  private let name: TemporaryName
  /// Mapped files that had lost pages when this was begun.
  private let losses = MappedFile.losses
  private let reserved: Int
  private var descriptor: Descriptor?

  /// Opens a temporary file next to `path`.
  ///
  /// - Parameter reserving: bytes to set aside at once, so that a full disk shows now.
  /// - Throws: `PlatformError` when the folder cannot be written, the disk is full, or `path` is
  ///   something other than a regular file.
  package init(path: String, reserving: Int = 0) throws(PlatformError) {
    guard !path.utf8.contains(0) else {
      throw .system(operation: "write", path: path, code: EINVAL)
    }
    var status = stat()
    let exists = stat(path, &status) == 0
    if exists, status.st_mode & S_IFMT != S_IFREG {
      throw .notRegularFile(
        path: path,
        found: status.st_mode & S_IFMT == S_IFDIR ? "a directory" : "a device or a pipe")
    }
    reserved = reserving
    target = try ReplacedPath(exists ? Self.resolved(path) : path)
    let (name, descriptor) = try TemporaryName.file(for: target)
    self.name = name
    temporary = name.path
    self.descriptor = descriptor
    // The permissions of the old file, as far as this user may set them.
    if exists { _ = fchmod(descriptor.number, status.st_mode & 0o777) }
    do throws(PlatformError) {
      try descriptor.reserve(reserving)
    } catch {
      abandon()
      throw error
    }
  }

  deinit {
    abandon()
    name.release()
  }

  /// Adds `bytes` at the end; after an error the file is abandoned.
  package func append(_ bytes: UnsafeRawBufferPointer) throws(PlatformError) {
    guard let descriptor else {
      throw .system(operation: "write", path: target.path, code: EBADF)
    }
    do throws(PlatformError) {
      try descriptor.write(bytes, at: byteCount)
      byteCount += bytes.count
    } catch {
      abandon()
      throw error
    }
  }

  /// Adds `bytes` at the end; after an error the file is abandoned.
  package func append(_ bytes: [UInt8]) throws(PlatformError) {
    // `withUnsafeBytes` cannot carry a typed error.
    var failure: PlatformError?
    bytes.withUnsafeBytes { pointer in
      do throws(PlatformError) { try append(pointer) } catch { failure = error }
    }
    if let failure { throw failure }
  }

  /// Writes `bytes` at `offset`, for files whose layout is known before their content.
  ///
  /// Counts towards `byteCount` by its end. After an error the file is abandoned.
  package func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(PlatformError) {
    guard let descriptor, offset >= 0 else {
      throw .system(operation: "write", path: target.path, code: EBADF)
    }
    do throws(PlatformError) {
      try descriptor.write(bytes, at: offset)
      byteCount = max(byteCount, offset + bytes.count)
    } catch {
      abandon()
      throw error
    }
  }

  /// Writes `bytes` at `offset`; after an error the file is abandoned.
  package func write(_ bytes: [UInt8], at offset: Int) throws(PlatformError) {
    var failure: PlatformError?
    bytes.withUnsafeBytes { pointer in
      do throws(PlatformError) { try write(pointer, at: offset) } catch { failure = error }
    }
    if let failure { throw failure }
  }

  /// Puts the file in its place.
  ///
  /// After an error before that, the old file is untouched.
  package func commit() throws(PlatformError) {
    guard let descriptor else {
      throw .system(operation: "write", path: target.path, code: EBADF)
    }
    do throws(PlatformError) {
      guard MappedFile.losses == losses else {
        throw PlatformError.sourceLost(path: target.path)
      }
      if reserved > byteCount { try descriptor.cut(to: byteCount) }
      try descriptor.sync()
      self.descriptor = nil
      try descriptor.close()
      guard rename(temporary, target.path) == 0 else {
        throw .system(operation: "replace", path: target.path, code: errno)
      }
    } catch {
      abandon()
      unlink(temporary)
      throw error
    }
    try Descriptor.syncFolder(target.folder)
  }

  /// Removes what was written, so that the old file stays; does nothing after a commit.
  package func abandon() {
    guard let descriptor else { return }
    self.descriptor = nil
    // The content is thrown away, so its fate does not matter.
    _ = close(descriptor.number)
    unlink(temporary)
  }

  private static func resolved(_ path: String) -> String {
    guard let real = realpath(path, nil) else { return path }
    defer { free(real) }
    return String(cString: real)
  }
}
