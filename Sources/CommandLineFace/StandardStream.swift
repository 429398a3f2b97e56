import Glibc
import Synchronization

/// Standard output or standard error, written at once and to the last byte; what could not be written is remembered.
package final class StandardStream: Sendable {
  private let number: Int32
  private let failed = Atomic<Int32>(0)

  package init(_ number: Int32) { self.number = number }

  /// The `errno` of the first write that failed; nil where none did.
  package var failure: Int32? {
    let code = failed.load(ordering: .relaxed)
    return code == 0 ? nil : code
  }

  /// Writes the text; after a failure nothing more is tried.
  package func write(_ text: String) {
    guard failure == nil else { return }
    var text = text
    let code: Int32 = text.withUTF8 { bytes in
      guard let base = bytes.baseAddress else { return 0 }
      var done = 0
      while done < bytes.count {
        let count = Glibc.write(number, base + done, bytes.count - done)
        if count > 0 {
          done += count
        } else if count < 0, errno == EAGAIN {
          // Whoever shares the terminal may have left it so that writes do not wait.
          var place = pollfd(fd: number, events: Int16(POLLOUT), revents: 0)
          _ = poll(&place, 1, 1000)
        } else if count == 0 || errno != EINTR {
          return count == 0 ? ENOSPC : errno
        }
      }
      return 0
    }
    if code != 0 { failed.store(code, ordering: .relaxed) }
  }

  /// Gives standard input, output and error a place each where they were closed.
  ///
  /// A file that is opened later would take the number and be written into. What is written to a closed one fails as before.
  package static func reserve() {
    for number in Int32(0)...2 where fcntl(number, F_GETFD) < 0 {
      // The lowest free number is taken, which is this one.
      _ = open("/dev/null", number == 2 ? O_WRONLY : O_RDONLY)
    }
  }
}
