import Glibc
import Synchronization

/// A file of lines that only grows: each line is on its way to the disk when `append` returns.
///
/// One `write` a line, so that a killed program leaves at most one torn line, the last; `fsync` at most
/// once a second. Opening repairs such an end, since the next line would otherwise be glued to it.
/// One process at a time may hold the file.
package final class GrowingLog: Sendable {
  /// What opening did to the end of the file.
  package enum Repair: Equatable, Sendable {
    case none
    /// A complete last line lacked its line break, which was added.
    case ended
    /// A torn last line of `bytes` bytes was moved to the file with `.torn` after its name.
    case removed(bytes: Int)
  }

  /// The shortest time between two syncs, in seconds.
  package static let syncSeconds = 1.0

  package let path: String
  package let repair: Repair

  private struct State {
    var descriptor: Descriptor?
    /// Bytes of whole lines.
    var length: Int
    var lastSync: Double
    var isDirty = false
  }
  private let state: Mutex<State>

  /// Opens or creates the log at `path`.
  ///
  /// - Parameter isWhole: whether a last line without a line break is complete all the same.
  /// - Throws: `PlatformError.lockedByAnother` while another process holds it.
  package init(
    path: String, isWhole: (UnsafeRawBufferPointer) -> Bool = StrictJSON.accepts
  ) throws(PlatformError) {
    let descriptor = try Descriptor(opening: path, O_RDWR | O_CREAT | O_APPEND)
    do throws(PlatformError) {
      guard flock(descriptor.number, LOCK_EX | LOCK_NB) == 0 else {
        throw .lockedByAnother(path: path)
      }
      let identity = try FileIdentity(descriptor: descriptor.number, path: path)
      guard identity.isRegular else {
        throw .notRegularFile(path: path, found: identity.kind)
      }
      let (repair, length) = try Self.mend(descriptor, isWhole: isWhole)
      self.repair = repair
      self.path = path
      state = Mutex(
        State(descriptor: descriptor, length: length, lastSync: Machine.seconds()))
    } catch {
      _ = close(descriptor.number)  // The first error is the one to report.
      throw error
    }
  }

  deinit {
    // Whoever cares about errors calls `finish` first.
    try? finish()
  }

  /// Adds one line, which must hold no line break.
  ///
  /// - Throws: `PlatformError`; the file then ends with the line before.
  package func append(_ line: [UInt8]) throws(PlatformError) {
    try state.withLock { (state) throws(PlatformError) in
      guard let descriptor = state.descriptor else {
        throw PlatformError.system(operation: "write", path: path, code: EBADF)
      }
      guard !line.contains(UInt8(ascii: "\n")) else {
        throw PlatformError.system(operation: "write a line break into", path: path, code: EINVAL)
      }
      var failure: PlatformError?
      (line + [UInt8(ascii: "\n")]).withUnsafeBytes { bytes in
        do throws(PlatformError) { try descriptor.write(bytes) } catch { failure = error }
      }
      if let failure {
        // Part of the line may be there; if it cannot be cut off, the next opening will.
        _ = ftruncate(descriptor.number, state.length)
        throw failure
      }
      state.length += line.count + 1
      state.isDirty = true
      try Self.syncIfDue(&state)
    }
  }

  /// Takes all lines away.
  package func clear() throws(PlatformError) {
    try state.withLock { (state) throws(PlatformError) in
      guard let descriptor = state.descriptor, ftruncate(descriptor.number, 0) == 0 else {
        throw PlatformError.system(operation: "empty", path: path, code: errno)
      }
      state.length = 0
      state.isDirty = true
    }
  }

  /// Syncs lines that have waited for a second or more; for a timer, when no line comes.
  package func syncIfDue() throws(PlatformError) {
    try state.withLock { (state) throws(PlatformError) in try Self.syncIfDue(&state) }
  }

  /// Syncs and closes; nothing can be added afterwards.
  package func finish() throws(PlatformError) {
    try state.withLock { (state) throws(PlatformError) in
      guard let descriptor = state.descriptor else { return }
      state.descriptor = nil
      do throws(PlatformError) {
        if state.isDirty { try descriptor.sync() }
      } catch {
        _ = close(descriptor.number)  // The first error is the one to report.
        throw error
      }
      try descriptor.close()
    }
  }

  private static func syncIfDue(_ state: inout State) throws(PlatformError) {
    let now = Machine.seconds()
    guard state.isDirty, now - state.lastSync >= syncSeconds, let descriptor = state.descriptor
    else { return }
    state.isDirty = false
    state.lastSync = now
    try descriptor.sync()
  }

  /// Makes the file end with a whole line; returns what was done and its length.
  private static func mend(
    _ descriptor: Descriptor, isWhole: (UnsafeRawBufferPointer) -> Bool
  ) throws(PlatformError) -> (Repair, length: Int) {
    let path = descriptor.path
    let file = try MappedFile(path: path)
    let length = file.byteCount
    // A line longer than this is no line of ours, and the end of the file need not be read further.
    let window = min(length, 1 << 22)
    let tail = try file.read(at: length - window, count: window)
    guard let last = tail.last, last != UInt8(ascii: "\n") else { return (.none, length) }
    let start = (tail.lastIndex(of: UInt8(ascii: "\n")) ?? -1) + 1
    let fragment = Array(tail[start...])
    if fragment.withUnsafeBytes(isWhole) {
      var failure: PlatformError?
      [UInt8(ascii: "\n")].withUnsafeBytes { bytes in
        do throws(PlatformError) { try descriptor.write(bytes) } catch { failure = error }
      }
      if let failure { throw failure }
      return (.ended, length + 1)
    }
    try WholeFile.write(fragment, to: path + ".torn")
    guard ftruncate(descriptor.number, length - fragment.count) == 0 else {
      throw .system(operation: "repair", path: path, code: errno)
    }
    try descriptor.sync()
    return (.removed(bytes: fragment.count), length - fragment.count)
  }
}
