import Glibc

/// An open file that is written: whole writes, checked syncs, a checked close.
struct Descriptor {
  let number: Int32
  /// The path that errors name.
  let path: String

  /// Opens `path`; errors name `known` instead, where given.
  init(
    opening path: String, _ flags: Int32, mode: mode_t = 0o666, knownAs known: String? = nil
  ) throws(PlatformError) {
    guard !path.utf8.contains(0) else {
      throw .system(operation: "open", path: known ?? path, code: EINVAL)
    }
    var number: Int32
    repeat { number = open(path, flags | O_CLOEXEC, mode) } while number < 0 && errno == EINTR
    guard number >= 0 else { throw .system(operation: "open", path: known ?? path, code: errno) }
    self.number = number
    self.path = known ?? path
  }

  /// Writes all of `bytes` at `offset`, or at the end when it is nil.
  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int? = nil) throws(PlatformError) {
    guard let base = bytes.baseAddress else { return }
    var done = 0
    while done < bytes.count {
      let rest = bytes.count - done
      let written =
        if let offset { pwrite(number, base + done, rest, offset + done) } else {
          Glibc.write(number, base + done, rest)
        }
      if written > 0 {
        done += written
      } else if written == 0 {
        throw .system(operation: "write", path: path, code: ENOSPC)
      } else if errno != EINTR {
        throw .system(operation: "write", path: path, code: errno)
      }
    }
  }

  /// Makes the file `count` bytes long on the device, so that a full disk shows before the work and not
  /// after.
  func reserve(_ count: Int) throws(PlatformError) {
    guard count > 0 else { return }
    var code: Int32
    repeat { code = posix_fallocate(number, 0, count) } while code == EINTR
    // Any other refusal means that this file system cannot tell.
    if [ENOSPC, EDQUOT, EFBIG].contains(code) {
      throw .system(operation: "reserve \(count) bytes for", path: path, code: code)
    }
  }

  /// Cuts off what was reserved and not written.
  func cut(to count: Int) throws(PlatformError) {
    guard ftruncate(number, count) == 0 else {
      throw .system(operation: "cut", path: path, code: errno)
    }
  }

  /// Waits until the device has everything.
  ///
  /// A failure is final: the pages may be lost already, and a
  /// second call that succeeds proves nothing.
  func sync() throws(PlatformError) {
    guard fsync(number) == 0 else { throw .system(operation: "sync", path: path, code: errno) }
  }

  /// Closes; some file systems report lost writes only here.
  func close() throws(PlatformError) {
    // Linux releases the descriptor even when it reports EINTR.
    guard Glibc.close(number) == 0 || errno == EINTR else {
      throw .system(operation: "close", path: path, code: errno)
    }
  }

  /// Makes a rename inside `folder` last.
  static func syncFolder(_ folder: String) throws(PlatformError) {
    let descriptor = try Descriptor(opening: folder, O_RDONLY | O_DIRECTORY)
    defer { _ = Glibc.close(descriptor.number) }  // Nothing was written through it.
    // Some network file systems cannot sync a folder and say so with EINVAL.
    guard fsync(descriptor.number) == 0 || errno == EINVAL else {
      throw .system(operation: "sync", path: folder, code: errno)
    }
  }
}

/// A path taken apart where files are replaced.
struct ReplacedPath {
  let folder: String
  let name: String
  var path: String { folder == "/" ? "/" + name : folder + "/" + name }

  /// - Throws: `PlatformError.system` (`EINVAL`) for a path without a last component.
  init(_ path: String) throws(PlatformError) {
    var trimmed = path[...]
    while trimmed.utf8.count > 1, trimmed.utf8.last == UInt8(ascii: "/") { trimmed.removeLast() }
    let parts = trimmed.utf8.split(
      separator: UInt8(ascii: "/"), maxSplits: .max, omittingEmptySubsequences: false)
    guard let last = parts.last, !last.isEmpty, let name = String(last), name != ".", name != "..",
      !path.utf8.contains(0)
    else { throw .system(operation: "write", path: path, code: EINVAL) }
    self.name = name
    let lead = trimmed.utf8.dropLast(last.count)
    if lead.isEmpty {
      folder = "."
    } else if lead.count == 1 {
      folder = "/"
    } else {
      folder = String(Substring(lead.dropLast()))
    }
  }

  /// A name next to the path that nobody uses, hidden and recognizable.
  ///
  /// - Parameter ending: says what is under the name; only `tmp` is ever taken for a leftover.
  func temporaryPath(ending: String = "tmp") -> String {
    var random = SystemRandomNumberGenerator()
    let mark = String(random.next() as UInt64, radix: 36)
    let padding = String(repeating: "0", count: Self.markLength - mark.utf8.count)
    return (folder == "/" ? "" : folder) + "/.\(stem).\(padding)\(mark).\(ending)"
  }

  /// Whether a name in the folder is one that `temporaryPath()` gives.
  func isTemporary(_ name: String) -> Bool {
    let (lead, end) = (".\(stem).", ".tmp")
    guard name.hasPrefix(lead), name.hasSuffix(end),
      name.utf8.count == lead.utf8.count + Self.markLength + end.utf8.count
    else { return false }
    return name.utf8.dropFirst(lead.utf8.count).dropLast(end.utf8.count).allSatisfy { byte in
      (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
    }
  }

  /// A name may have 255 bytes; the mark needs some of them.
  private var stem: String { name.utf8.count <= 200 ? name : "nibble" }

  /// Digits of 64 bits to the base 36.
  private static let markLength = 13
}
