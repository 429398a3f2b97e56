import Synchronization

/// The switch with which a running job is paused and cancelled from another thread, or from a signal handler:
/// it takes no lock.
package final class JobControl: Sendable {
  /// Thrown at the next checkpoint of a cancelled job.
  package struct Cancelled: Error {}

  private let cancelled = Atomic(false)
  private let paused = Atomic(false)

  package init() {}

  /// Ends the job at its next checkpoint.
  package func cancel() { cancelled.store(true, ordering: .relaxed) }

  /// Holds the job at its next checkpoint.
  package func pause() { paused.store(true, ordering: .relaxed) }

  /// Lets a held job go on.
  package func resume() { paused.store(false, ordering: .relaxed) }

  /// Whether the job is to end.
  package var isCancelled: Bool { cancelled.load(ordering: .relaxed) }

  /// Called by jobs between units of work: waits while paused.
  ///
  /// - Throws: `Cancelled` once the job is cancelled.
  package func checkpoint() throws {
    repeat {
      if isCancelled { throw Cancelled() }
      guard paused.load(ordering: .relaxed) else { return }
      Pause.milliseconds(20)
    } while true
  }
}
