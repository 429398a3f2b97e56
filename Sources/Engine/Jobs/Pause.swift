import Glibc

/// Sleeping without a clock of its own.
enum Pause {
  static func milliseconds(_ count: Int) {
    var left = timespec(tv_sec: count / 1000, tv_nsec: count % 1000 * 1_000_000)
    var asked = left
    repeat { asked = left } while nanosleep(&asked, &left) != 0 && errno == EINTR
  }
}
