import Glibc
import Synchronization

/// A fixed set of threads that shares out the chunks of a loop.
///
/// Chunks are taken one at a time from a shared counter, by the helpers and the calling thread alike, so
/// that a thread the system holds back costs one chunk and not its whole share. A run ends when its last
/// chunk has ended; helpers that never woke up are not waited for. Idle helpers spin for
/// `spinSeconds` and then sleep.
package final class WorkerPool: Sendable {
  /// Threads that take part in a run, the caller's included; `worker` indices are below this.
  package let threads: Int

  private let shared: WorkerPoolState
  private let helpers: [pthread_t]

  /// Starts `threads - 1` helpers; with one thread, none.
  ///
  /// Fewer start when the system refuses more; `threads` tells.
  package init(threads: Int) {
    let shared = WorkerPoolState()
    var helpers: [pthread_t] = []
    // Signals meant for the program are for its own threads; faults must still reach the helper.
    var blocked = sigset_t()
    var before = sigset_t()
    sigfillset(&blocked)
    for fault in [SIGBUS, SIGSEGV, SIGFPE, SIGILL, SIGTRAP, SIGABRT] { sigdelset(&blocked, fault) }
    pthread_sigmask(SIG_BLOCK, &blocked, &before)
    for worker in 1..<max(1, threads) {
      let seat = Unmanaged.passRetained(WorkerSeat(worker: worker, shared: shared))
      var thread = pthread_t()
      let code = pthread_create(
        &thread, nil,
        { argument in
          guard let argument else { return nil }
          let seat = Unmanaged<WorkerSeat>.fromOpaque(argument).takeRetainedValue()
          seat.shared.help(as: seat.worker)
          return nil
        }, seat.toOpaque())
      guard code == 0 else {
        seat.release()
        break
      }
      helpers.append(thread)
    }
    pthread_sigmask(SIG_SETMASK, &before, nil)
    self.shared = shared
    self.helpers = helpers
    self.threads = helpers.count + 1
  }

  deinit {
    shared.stop()
    for helper in helpers { pthread_join(helper, nil) }
  }

  /// Calls `body` once for each of `0..<chunks`, on any thread of the pool, and returns after the last.
  ///
  /// `worker`, below `threads`, tells apart what runs at the same time, for scratch memory. Runs from
  /// several threads take turns. A run started inside `body` is done on the spot by the same worker.
  package func run(chunks: Int, _ body: (_ chunk: Int, _ worker: Int) -> Void) {
    guard chunks > 0 else { return }
    if let worker = currentWorker {
      for chunk in 0..<chunks { body(chunk, worker) }
      return
    }
    shared.begin()
    defer { shared.end() }
    if helpers.isEmpty || chunks == 1 {
      for chunk in 0..<chunks { body(chunk, 0) }
    } else {
      withoutActuallyEscaping(body) { body in
        withUnsafePointer(to: body) { shared.share(chunks: chunks, $0) }
      }
    }
  }

  /// The worker index of this thread while it is inside a run of this pool.
  private var currentWorker: Int? {
    let current = pthread_self()
    if shared.isCaller(current) { return 0 }
    return helpers.firstIndex { $0 == current }.map { $0 + 1 }
  }
}

/// What a helper is handed when it starts.
private final class WorkerSeat: Sendable {
  let worker: Int
  let shared: WorkerPoolState

  init(worker: Int, shared: WorkerPoolState) {
    self.worker = worker
    self.shared = shared
  }
}

/// An atomic on cache lines of its own.
private struct LoneAtomic: ~Copyable, Sendable {
  private let before: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (
    0, 0, 0, 0, 0, 0, 0
  )
  let value = Atomic<Int>(0)
  private let after: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (
    0, 0, 0, 0, 0, 0, 0
  )
}

/// The state that helpers share; it outlives the pool until the last helper has left.
private final class WorkerPoolState: @unchecked Sendable {
  // Unchecked: `chunks` and `body` are written before `untaken` is released and read after a chunk was
  // taken from it; a taken chunk holds the run, and so both of them, in place until it is finished.
  typealias Body = (_ chunk: Int, _ worker: Int) -> Void

  /// How long a thread with nothing to do spins before it sleeps.
  static let spinSeconds = 40e-6

  private let untaken = LoneAtomic()
  private let finished = LoneAtomic()
  private let sleepers = LoneAtomic()
  private let callerSleeps = Atomic<Bool>(false)
  private let stopped = Atomic<Bool>(false)
  /// The thread that runs a body, 0 for none.
  private let caller = Atomic<UInt>(0)
  private var chunks = 0
  private var body: UnsafePointer<Body>?

  private let callers = SystemLock()
  private let sleep = SystemLock()

  func begin() {
    callers.lock()
    caller.store(pthread_self(), ordering: .relaxed)
  }

  func end() {
    caller.store(0, ordering: .relaxed)
    callers.unlock()
  }

  /// Relaxed is enough: a thread can only find its own name if it wrote it itself.
  func isCaller(_ thread: pthread_t) -> Bool { caller.load(ordering: .relaxed) == thread }

  func share(chunks: Int, _ body: UnsafePointer<Body>) {
    self.chunks = chunks
    self.body = body
    finished.value.store(0, ordering: .relaxed)
    untaken.value.store(chunks, ordering: .sequentiallyConsistent)
    sleep.wake(chunks - 1, of: sleepers.value.load(ordering: .sequentiallyConsistent))
    takeChunks(as: 0)
    waitForRest(chunks)
    self.body = nil
  }

  func help(as worker: Int) {
    while !stopped.load(ordering: .acquiring) {
      takeChunks(as: worker)
      waitForWork()
    }
  }

  func stop() {
    stopped.store(true, ordering: .sequentiallyConsistent)
    sleep.wakeAll()
  }

  private func takeChunks(as worker: Int) {
    var left = untaken.value.load(ordering: .acquiring)
    while left > 0 {
      let (taken, found) = untaken.value.weakCompareExchange(
        expected: left, desired: left - 1, ordering: .acquiringAndReleasing)
      guard taken else {
        left = found
        continue
      }
      let total = chunks
      if let body { call(body, total - left, worker) }
      let done = finished.value.wrappingAdd(1, ordering: .sequentiallyConsistent).newValue
      if done == total, worker != 0, callerSleeps.load(ordering: .sequentiallyConsistent) {
        sleep.wakeAll()
      }
      left = untaken.value.load(ordering: .acquiring)
    }
  }

  /// Not inlined, so that whatever it retains of the closure is released before the chunk counts as
  /// finished and the closure's frame may go.
  @inline(never)
  private func call(_ body: UnsafePointer<Body>, _ chunk: Int, _ worker: Int) {
    body.pointee(chunk, worker)
  }

  private func waitForRest(_ chunks: Int) {
    if spin(until: { finished.value.load(ordering: .acquiring) == chunks }) { return }
    callerSleeps.store(true, ordering: .sequentiallyConsistent)
    sleep.sleep { finished.value.load(ordering: .sequentiallyConsistent) == chunks }
    callerSleeps.store(false, ordering: .relaxed)
  }

  private func waitForWork() {
    func isNeeded() -> Bool {
      untaken.value.load(ordering: .sequentiallyConsistent) > 0
        || stopped.load(ordering: .sequentiallyConsistent)
    }
    if spin(until: isNeeded) { return }
    sleepers.value.wrappingAdd(1, ordering: .sequentiallyConsistent)
    sleep.sleep(until: isNeeded)
    sleepers.value.wrappingSubtract(1, ordering: .sequentiallyConsistent)
  }

  /// Whether `condition` came true before the time to spin was over.
  private func spin(until condition: () -> Bool) -> Bool {
    let end = Machine.seconds() + Self.spinSeconds
    repeat {
      if condition() { return true }
      // Swift has no pause instruction; reading the clock, some 20 ns, takes its place between looks.
    } while Machine.seconds() < end
    return condition()
  }
}

/// A mutex and a condition at a fixed address.
private final class SystemLock: @unchecked Sendable {
  // Unchecked: both are made to be shared between threads.
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  init() {
    mutex.initialize(to: pthread_mutex_t())
    condition.initialize(to: pthread_cond_t())
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(condition, nil)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  func lock() { pthread_mutex_lock(mutex) }
  func unlock() { pthread_mutex_unlock(mutex) }

  /// Sleeps until a wake-up finds `isReady`.
  func sleep(until isReady: () -> Bool) {
    lock()
    while !isReady() { pthread_cond_wait(condition, mutex) }
    unlock()
  }

  func wakeAll() {
    lock()
    pthread_cond_broadcast(condition)
    unlock()
  }

  /// Wakes as many of `sleepers` as there is work for.
  func wake(_ count: Int, of sleepers: Int) {
    guard count > 0, sleepers > 0 else { return }
    lock()
    if count >= sleepers {
      pthread_cond_broadcast(condition)
    } else {
      for _ in 0..<count { pthread_cond_signal(condition) }
    }
    unlock()
  }
}
