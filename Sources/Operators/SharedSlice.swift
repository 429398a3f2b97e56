import Platform
import Synchronization

/// Work that all threads of a pool do at the same moment, timed from the first that begins to the last that ends.
///
/// On a busy machine most slices are cut by others; what nobody disturbed is told apart, so that the machine is measured and
/// not its mood.
struct SharedSlice {
  /// One slice.
  struct Timing {
    var seconds: Double
    /// Whether all threads worked side by side and the system put none aside.
    var isUndisturbed: Bool
  }

  /// How long threads wait for the last of them.
  private static let patience = 300e-6

  let pool: WorkerPool

  private struct Mark {
    var start = 0.0
    var end = 0.0
    var isUndisturbed = false
  }

  private final class Gate: Sendable {
    let arrived = Atomic<Int>(0)
  }

  /// Calls `work` once for each thread of the pool.
  ///
  /// - Parameter prepare: called first, by each thread under its number in the pool; its time does not count.
  func time(
    prepare: (_ worker: Int) -> Void = { _ in }, _ work: (_ share: Int) -> Void
  ) -> Timing {
    let count = pool.threads
    let gate = Gate()
    let marks = [Mark](unsafeUninitializedCapacity: count) { marks, filled in
      marks.initialize(repeating: Mark())
      pool.run(chunks: count) { share, worker in
        prepare(worker)
        gate.arrived.wrappingAdd(1, ordering: .sequentiallyConsistent)
        let limit = Machine.seconds() + Self.patience
        while gate.arrived.load(ordering: .sequentiallyConsistent) < count,
          Machine.seconds() < limit
        {}
        let isTogether = gate.arrived.load(ordering: .sequentiallyConsistent) == count
        let before = Machine.threadPreemptions()
        let start = Machine.seconds()
        work(share)
        let end = Machine.seconds()
        marks[share] = Mark(
          start: start, end: end,
          isUndisturbed: isTogether && Machine.threadPreemptions() == before)
      }
      filled = count
    }
    let start = marks.map(\.start).min() ?? 0
    let end = marks.map(\.end).max() ?? 0
    let late = marks.map { $0.start - start }.max() ?? 0
    return Timing(
      seconds: max(end - start, 1e-9),
      isUndisturbed: marks.allSatisfy(\.isUndisturbed) && late <= 0.1 * (end - start))
  }
}
