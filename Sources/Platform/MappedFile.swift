import CFaults
import Glibc

/// A regular file mapped read-only into memory; its size is fixed at opening.
///
/// Pages that are dropped, by the system or by `release`, come back from the file. Where a file *shrinks*
/// while it is mapped, what it lost reads as zeros from then on, and `checkUnchanged()` throws: it comes
/// before and after a long walk over `bytes`, and `losses` is looked at in between. Headers are read with
/// `read(at:count:)`, which throws at once. A file that is mapped is never written in place (see `WholeFile`).
package final class MappedFile: @unchecked Sendable {
  // Unchecked: the only stored state is immutable, and the mapping is read-only.

  /// The path as it was given.
  package let path: String
  /// Bytes at opening.
  package let byteCount: Int
  /// The mapping, valid while this object lives; empty for an empty file.
  package let bytes: UnsafeRawBufferPointer

  private let descriptor: Int32
  private let identity: FileIdentity
  /// The place of the mapping among those that are guarded; -1 for none.
  private let place: Int32

  /// Opens and maps `path`.
  ///
  /// - Parameter followingLink: false refuses a path whose last component is a symbolic link.
  /// - Throws: `PlatformError` with the path and the system's words; directories, devices and pipes are
  ///   refused.
  package init(path: String, followingLink: Bool = true) throws(PlatformError) {
    // Without O_NONBLOCK, opening a pipe would wait for its writer.
    let flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | (followingLink ? 0 : O_NOFOLLOW)
    let descriptor = path.utf8.contains(0) ? -1 : open(path, flags)
    guard descriptor >= 0 else {
      throw .system(operation: "open", path: path, code: path.utf8.contains(0) ? EINVAL : errno)
    }
    do throws(PlatformError) {
      let identity = try FileIdentity(descriptor: descriptor, path: path)
      guard identity.isRegular else {
        throw .notRegularFile(path: path, found: identity.kind)
      }
      if identity.byteCount > 0 {
        let address = mmap(nil, identity.byteCount, PROT_READ, MAP_PRIVATE, descriptor, 0)
        guard let address, address != MAP_FAILED else {
          throw .system(operation: "map", path: path, code: errno)
        }
        bytes = UnsafeRawBufferPointer(start: address, count: identity.byteCount)
        place = cf_watch(address, identity.byteCount)
      } else {
        bytes = UnsafeRawBufferPointer(start: nil, count: 0)
        place = -1
      }
      self.identity = identity
      byteCount = identity.byteCount
      self.path = path
      self.descriptor = descriptor
    } catch {
      close(descriptor)
      throw error
    }
  }

  deinit {
    cf_unwatch(place)
    if let base = bytes.baseAddress {
      munmap(UnsafeMutableRawPointer(mutating: base), bytes.count)
    }
    close(descriptor)
  }

  /// Copies `count` bytes from `offset` with `pread`, which a shrinking file cannot turn into a signal.
  ///
  /// - Throws: `PlatformError.outOfBounds` past the size at opening, `.changedSinceOpening` when the
  ///   file has become shorter.
  package func read(at offset: Int, count: Int) throws(PlatformError) -> [UInt8] {
    guard offset >= 0, count >= 0, offset <= byteCount, count <= byteCount - offset else {
      throw .outOfBounds(path: path, offset: offset, count: count, size: byteCount)
    }
    try HeapMemory.expect(count)
    var failure: PlatformError?
    let copy = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      while filled < count, let base = buffer.baseAddress {
        let got = pread(descriptor, base + filled, count - filled, offset + filled)
        if got > 0 {
          filled += got
        } else if got == 0 {
          failure = .changedSinceOpening(
            path: path, expectedBytes: byteCount, foundBytes: offset + filled)
          return
        } else if errno != EINTR {
          failure = .system(operation: "read", path: path, code: errno)
          return
        }
      }
    }
    if let failure { throw failure }
    return copy
  }

  /// Throws when the file's size, modification time or inode is not what it was at opening, when what was read of it was lost,
  /// or when the path leads to another file or nowhere.
  package func checkUnchanged() throws(PlatformError) {
    let now = try FileIdentity(descriptor: descriptor, path: path)
    guard now == identity, cf_is_lost(place) == 0 else {
      throw .changedSinceOpening(
        path: path, expectedBytes: identity.byteCount, foundBytes: now.byteCount)
    }
    var status = stat()
    guard stat(path, &status) == 0, status.st_dev == identity.device,
      status.st_ino == identity.inode
    else { throw .replacedSinceOpening(path: path) }
  }

  /// The checksum of all bytes.
  package var checksum: Checksum { withExtendedLifetime(self) { Checksum(bytes) } }

  /// How many mapped files lost pages since the program began: where it grows, something was read that is not so.
  package static var losses: Int { cf_losses() }

  /// Makes crashes, and pages that mapped files lose, this program's own; for its start, before others take the signals.
  package static func guardProcess() { cf_open() }

  /// When the file was changed last, as of opening, in seconds and nanoseconds since 1970.
  package var modified: String { "\(identity.modifiedSeconds).\(identity.modifiedNanoseconds)" }

  /// Tells the system that the pages wholly inside `range` will not be needed soon.
  package func release(_ range: Range<Int>) { advise(range, MADV_DONTNEED, outward: false) }

  /// Tells the system to read the pages of `range` ahead.
  package func willNeed(_ range: Range<Int>) { advise(range, MADV_WILLNEED, outward: true) }

  private func advise(_ range: Range<Int>, _ advice: Int32, outward: Bool) {
    guard let base = bytes.baseAddress else { return }
    let range = range.clamped(to: 0..<byteCount)
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let lower =
      outward ? range.lowerBound / page * page : (range.lowerBound + page - 1) / page * page
    // The last page of the file counts as whole.
    let upper =
      outward || range.upperBound == byteCount ? range.upperBound : range.upperBound / page * page
    guard lower < upper else { return }
    // Advice only: a refusal changes nothing but speed.
    _ = madvise(UnsafeMutableRawPointer(mutating: base + lower), upper - lower, advice)
  }
}

/// What tells whether a path or a descriptor still means the same file.
struct FileIdentity: Equatable {
  let device: UInt
  let inode: UInt
  let byteCount: Int
  let mode: UInt32
  let modifiedSeconds: Int
  let modifiedNanoseconds: Int

  init(descriptor: Int32, path: String) throws(PlatformError) {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw .system(operation: "examine", path: path, code: errno)
    }
    device = status.st_dev
    inode = status.st_ino
    byteCount = status.st_size
    mode = status.st_mode & S_IFMT
    modifiedSeconds = status.st_mtim.tv_sec
    modifiedNanoseconds = status.st_mtim.tv_nsec
  }

  var isRegular: Bool { mode == S_IFREG }

  /// The kind of file in words.
  var kind: String {
    switch mode {
    case S_IFREG: "a regular file"
    case S_IFDIR: "a directory"
    case S_IFIFO: "a pipe"
    case S_IFSOCK: "a socket"
    case S_IFBLK, S_IFCHR: "a device"
    default: "something else"
    }
  }
}
