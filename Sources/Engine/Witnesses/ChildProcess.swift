import Glibc
import Platform

/// Another program, run to its end, its output read.
struct ChildProcess {
  /// What it left.
  struct Outcome: Sendable {
    /// The exit code; 128 and the signal for one that a signal ended.
    var code: Int32
    var out: [UInt8]
    var error: [UInt8]
  }

  /// Where a program of this name lies on `PATH`; nil where there is none.
  static func find(_ name: String) -> String? {
    if name.contains("/") { return access(name, X_OK) == 0 ? name : nil }
    guard let path = getenv("PATH").map({ String(cString: $0) }) else { return nil }
    for folder in path.split(separator: ":") {
      let candidate = "\(folder)/\(name)"
      if access(candidate, X_OK) == 0 { return candidate }
    }
    return nil
  }

  /// Runs the program at `path`, with nothing to read, and waits for its end.
  ///
  /// - Throws: `PlatformError.system` where it cannot be started.
  static func run(_ path: String, _ arguments: [String]) throws(PlatformError) -> Outcome {
    // Both outputs go to files without a name, so that neither can fill up and hold the other.
    let (out, error) = (try unnamedFile(), try unnamedFile())
    defer {
      close(out)
      close(error)
    }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, out, 1)
    posix_spawn_file_actions_adddup2(&actions, error, 2)
    var words: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) }
    words.append(nil)
    defer { for word in words { free(word) } }
    var process = pid_t()
    let code = posix_spawn(&process, path, &actions, nil, words, environ)
    guard code == 0 else { throw .system(operation: "start", path: path, code: code) }
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0 {
      guard errno == EINTR else { throw .system(operation: "wait for", path: path, code: errno) }
    }
    let signal = status & 0x7f
    return Outcome(
      code: signal == 0 ? status >> 8 & 0xff : 128 + signal, out: content(of: out),
      error: content(of: error))
  }

  private static func unnamedFile() throws(PlatformError) -> Int32 {
    let folder = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var path = Array((folder + "/nibble-output-XXXXXX").utf8CString)
    let descriptor = mkstemp(&path)
    guard descriptor >= 0 else {
      throw .system(operation: "create", path: folder + "/nibble-output", code: errno)
    }
    unlink(path)
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    return descriptor
  }

  private static func content(of descriptor: Int32) -> [UInt8] {
    let size = Int(lseek(descriptor, 0, SEEK_END))
    guard size > 0 else { return [] }
    return [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
      filled = max(0, pread(descriptor, buffer.baseAddress, size, 0))
    }
  }
}
