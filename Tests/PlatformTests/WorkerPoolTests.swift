import Glibc
import Platform
import Synchronization
import Testing

@Suite struct WorkerPoolTests {
  /// Counts visits of each chunk in plain memory, which the pool must make visible.
  private final class Visits: @unchecked Sendable {
    // Unchecked: no two threads note the same chunk, unless the pool is wrong.
    private let counts: UnsafeMutableBufferPointer<Int>
    init(_ chunks: Int) {
      counts = .allocate(capacity: chunks)
      counts.initialize(repeating: 0)
    }
    deinit { counts.deallocate() }
    func note(_ chunk: Int) { counts[chunk] += 1 }
    var all: [Int] { Array(counts) }
  }

  @Test(arguments: [1, 2, 3, 8])
  func everyChunkRunsOnceAndIsSeen(threads: Int) {
    let pool = WorkerPool(threads: threads)
    #expect(pool.threads == threads)
    for chunks in [0, 1, 2, 7, 1000] {
      // Plain memory: what helpers wrote must be visible after the run.
      let output = UnsafeMutableBufferPointer<Int>.allocate(capacity: max(1, chunks))
      output.initialize(repeating: 0)
      defer { output.deallocate() }
      pool.run(chunks: chunks) { chunk, worker in
        #expect((0..<threads).contains(worker))
        output[chunk] += chunk + 1
      }
      #expect((0..<chunks).allSatisfy { output[$0] == $0 + 1 })
    }
  }

  @Test func manyShortRuns() {
    let pool = WorkerPool(threads: 3)
    var sum = 0
    for round in 0..<20_000 {
      let part = Atomic<Int>(0)
      pool.run(chunks: 4) { chunk, _ in part.wrappingAdd(chunk + round, ordering: .relaxed) }
      sum += part.load(ordering: .relaxed) - 4 * round
    }
    #expect(sum == 20_000 * 6)
  }

  @Test func wakesSleepingHelpers() {
    let pool = WorkerPool(threads: 2)
    for _ in 0..<20 {
      usleep(2000)  // Longer than helpers spin.
      // Two chunks that wait for each other end only when two threads take part.
      let arrived = Atomic<Int>(0)
      pool.run(chunks: 2) { _, _ in
        arrived.wrappingAdd(1, ordering: .sequentiallyConsistent)
        while arrived.load(ordering: .sequentiallyConsistent) < 2 { sched_yield() }
      }
    }
  }

  @Test func callerSleepsThroughALongChunk() {
    let pool = WorkerPool(threads: 2)
    let arrived = Atomic<Int>(0)
    let ended = Atomic<Int>(0)
    pool.run(chunks: 2) { _, worker in
      arrived.wrappingAdd(1, ordering: .sequentiallyConsistent)
      while arrived.load(ordering: .sequentiallyConsistent) < 2 { sched_yield() }
      if worker != 0 { usleep(20_000) }
      ended.wrappingAdd(1, ordering: .sequentiallyConsistent)
    }
    #expect(ended.load(ordering: .sequentiallyConsistent) == 2)
  }

  @Test func nestedRunStaysWithItsWorker() {
    let pool = WorkerPool(threads: 3)
    let visits = Visits(50)
    pool.run(chunks: 10) { outer, worker in
      let thread = pthread_self()
      pool.run(chunks: 5) { inner, innerWorker in
        #expect(innerWorker == worker)
        #expect(pthread_self() == thread)
        visits.note(outer * 5 + inner)
      }
    }
    #expect(visits.all == [Int](repeating: 1, count: 50))
  }

  @Test(arguments: [1, 2])
  func runsOfSeveralCallersTakeTurns(threads: Int) async {
    let pool = WorkerPool(threads: threads)
    let crowd = Crowd()
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<4 {
        group.addTask {
          for _ in 0..<200 {
            pool.run(chunks: 3) { _, _ in
              crowd.enter()
              crowd.leave()
            }
          }
        }
      }
    }
    #expect((1...threads).contains(crowd.most))
  }

  /// Counts who is inside at the same time.
  private final class Crowd: Sendable {
    private let inside = Atomic<Int>(0)
    private let peak = Atomic<Int>(0)
    var most: Int { peak.load(ordering: .relaxed) }
    func enter() {
      let now = inside.wrappingAdd(1, ordering: .sequentiallyConsistent).newValue
      peak.max(now, ordering: .relaxed)
    }
    func leave() { inside.wrappingSubtract(1, ordering: .sequentiallyConsistent) }
  }

  @Test func poolsComeAndGo() {
    for _ in 0..<200 {
      let pool = WorkerPool(threads: 4)
      let visits = Visits(6)
      pool.run(chunks: 6) { chunk, _ in visits.note(chunk) }
      #expect(visits.all == [Int](repeating: 1, count: 6))
    }
  }

  @Test func fewerThanOneThreadIsOne() {
    #expect(WorkerPool(threads: 0).threads == 1)
    #expect(WorkerPool(threads: -3).threads == 1)
  }
}
