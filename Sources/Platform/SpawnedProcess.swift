package import Glibc

/// A process of another program, or of this one once more, that runs next to it.
///
/// It has a process group of its own, so that Ctrl-C in a terminal reaches only whoever started it.
package final class SpawnedProcess {
  /// How a process ended.
  package enum Ending: Equatable, Sendable {
    case exited(Int32)
    case signalled(Int32)

    /// The exit code; 128 and the signal for one that a signal ended.
    package var code: Int32 {
      switch self {
      case .exited(let code): code
      case .signalled(let number): 128 + number
      }
    }

    init(status: Int32) {
      let number = status & 0x7f
      self = number == 0 ? .exited(status >> 8 & 0xff) : .signalled(number)
    }
  }

  package let id: pid_t
  private var ending: Ending?

  /// Starts a program with nothing to read; what it says goes to the end of a file.
  ///
  /// - Parameters:
  ///   - path: of the program.
  ///   - log: the file for standard output and standard error; made where it is not there.
  ///   - environment: variables that are set besides those of this process.
  /// - Throws: `PlatformError.system` where the file cannot be opened or the program cannot be started.
  package init(
    _ path: String, _ arguments: [String], log: String, environment: [String: String] = [:]
  ) throws(PlatformError) {
    let output = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard output >= 0 else { throw .system(operation: "open", path: log, code: errno) }
    defer { close(output) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, output, 1)
    posix_spawn_file_actions_adddup2(&actions, output, 2)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK))
    posix_spawnattr_setpgroup(&attributes, 0)
    // The thread that starts it may have signals blocked, by which it could then not be stopped.
    var blocked = sigset_t()
    sigemptyset(&blocked)
    posix_spawnattr_setsigmask(&attributes, &blocked)
    var words = Self.strings([path] + arguments)
    var variables = Self.strings(Self.variables(environment))
    defer { for word in words + variables { free(word) } }
    var process = pid_t()
    let code = posix_spawn(&process, path, &actions, &attributes, &words, &variables)
    guard code == 0 else { throw .system(operation: "start", path: path, code: code) }
    id = process
  }

  /// How it ended; nil while it runs.
  package func poll() -> Ending? {
    if ending == nil {
      var status: Int32 = 0
      let found = waitpid(id, &status, WNOHANG)
      if found == id {
        ending = Ending(status: status)
      } else if found < 0, errno == ECHILD {
        // Somebody else waited for it, so that nothing is known of how it ended.
        ending = .signalled(SIGKILL)
      }
    }
    return ending
  }

  /// Waits for its end.
  package func wait() -> Ending {
    while true {
      if let ending = poll() { return ending }
      var pause = timespec(tv_sec: 0, tv_nsec: 5_000_000)
      nanosleep(&pause, nil)
    }
  }

  /// Sends it a signal, as long as it runs.
  package func send(_ number: Int32) {
    if poll() == nil { kill(id, number) }
  }

  private static func variables(_ changes: [String: String]) -> [String] {
    var found: [String] = []
    var place = environ
    while let entry = place.pointee {
      let text = String(cString: entry)
      if changes[String(text.prefix { $0 != "=" })] == nil { found.append(text) }
      place += 1
    }
    return found + changes.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
  }

  /// C strings, and the end of the list.
  private static func strings(_ texts: [String]) -> [UnsafeMutablePointer<CChar>?] {
    texts.map { strdup($0) } + [nil]
  }
}
