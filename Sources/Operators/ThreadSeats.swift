internal import CKernels
import Platform

/// A core of its own for each thread of a pool, for as long as something is measured.
///
/// On a busy machine the system may leave two threads on one core for seconds; what all cores can do together is then never seen.
final class ThreadSeats {
  private let pool: WorkerPool
  /// What threads may run on before and after.
  private let all: [UInt64]
  private let cores: [Int]
  /// By worker; each thread writes its own.
  private let isSeated: UnsafeMutablePointer<Bool>

  /// nil where the system does not tell which cores there are.
  init?(pool: WorkerPool) {
    var words = [UInt64](repeating: 0, count: Int(NK_CORE_WORDS))
    guard nk_thread_cores(&words) != 0 else { return nil }
    let found = (0..<words.count * 64).filter { words[$0 / 64] >> UInt64($0 % 64) & 1 != 0 }
    guard !found.isEmpty else { return nil }
    self.pool = pool
    all = words
    cores = found
    isSeated = .allocate(capacity: pool.threads)
    isSeated.initialize(repeating: false, count: pool.threads)
  }

  deinit { isSeated.deallocate() }

  /// Binds the calling thread, which is `worker` of the pool, to its core.
  func take(_ worker: Int) {
    guard !isSeated[worker] else { return }
    let core = cores[worker % cores.count]
    var words = [UInt64](repeating: 0, count: all.count)
    words[core / 64] = 1 << UInt64(core % 64)
    isSeated[worker] = nk_thread_bind(words) != 0
  }

  /// Lets all threads run where they did before.
  func leave() {
    // A thread that wakes late has its turn in one of the next.
    for _ in 0..<1000 where (0..<pool.threads).contains(where: { isSeated[$0] }) {
      _ = SharedSlice(pool: pool).time(prepare: { worker in
        if self.isSeated[worker], nk_thread_bind(self.all) != 0 { self.isSeated[worker] = false }
      }) { _ in }
    }
  }
}
