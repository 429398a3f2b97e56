import Glibc
import Synchronization

/// Watches how much memory this process takes beyond what it held when the watch began.
///
/// Counted is memory of its own: pages of mapped files, which the system takes back when it needs them, are not. A thread
/// looks every few milliseconds; what is taken and given back between two looks is missed.
package final class MemoryWatch: Sendable {
  private let state: WatchState
  private let thread: pthread_t?

  /// Begins; nil where the system does not tell.
  package init?() {
    guard let before = Machine.privateBytes() else { return nil }
    let state = WatchState(before: before)
    let seat = Unmanaged.passRetained(state)
    var thread = pthread_t()
    var blocked = sigset_t()
    var earlier = sigset_t()
    sigfillset(&blocked)
    for fault in [SIGBUS, SIGSEGV, SIGFPE, SIGILL, SIGTRAP, SIGABRT] { sigdelset(&blocked, fault) }
    pthread_sigmask(SIG_BLOCK, &blocked, &earlier)
    let code = pthread_create(
      &thread, nil,
      { argument in
        guard let argument else { return nil }
        Unmanaged<WatchState>.fromOpaque(argument).takeRetainedValue().watch()
        return nil
      }, seat.toOpaque())
    pthread_sigmask(SIG_SETMASK, &earlier, nil)
    if code != 0 { seat.release() }
    self.state = state
    self.thread = code == 0 ? thread : nil
  }

  deinit {
    state.stop()
    if let thread { pthread_join(thread, nil) }
  }

  /// The most that was held so far beyond what was there at the beginning, in bytes.
  package var peakBytes: Int {
    state.look()
    return state.peak
  }
}

private final class WatchState: Sendable {
  private let before: Int
  private let highest = Atomic<Int>(0)
  private let isOver = Atomic<Bool>(false)

  init(before: Int) { self.before = before }

  var peak: Int { max(0, highest.load(ordering: .relaxed) - before) }

  func stop() { isOver.store(true, ordering: .relaxed) }

  func look() {
    guard let now = Machine.privateBytes() else { return }
    var seen = highest.load(ordering: .relaxed)
    while now > seen {
      let (done, found) = highest.weakCompareExchange(
        expected: seen, desired: now, ordering: .relaxed)
      if done { return }
      seen = found
    }
  }

  func watch() {
    while !isOver.load(ordering: .relaxed) {
      look()
      var pause = timespec(tv_sec: 0, tv_nsec: 4_000_000)
      nanosleep(&pause, nil)
    }
  }
}
