import Engine
import Synchronization

/// A job that did not finish, with the event that ended it.
struct Ended: Error { var event: JobEvent? }

/// Runs a job to its end.
///
/// - Parameters:
///   - stopping: cancels the job when that many units of it are done.
///   - resuming: what is done with what an earlier run kept.
///   - emit: shown every event.
func perform<Kind: Job>(
  _ laboratory: Laboratory, _ job: Kind, stopping: Int? = nil, resuming: Resuming = .never,
  emit: @escaping @Sendable (JobEvent) -> Void = { _ in }
) throws -> Kind.Report {
  let last = Mutex<JobEvent?>(nil)
  let control = JobControl()
  let outcome = laboratory.run(
    job, id: JobID(number: 1), control: control, resuming: resuming
  ) { event in
    emit(event)
    if case .progressed(_, let progress) = event, let stopping, progress.done >= stopping {
      control.cancel()
    }
    last.withLock { $0 = event }
  }
  guard case .finished(let report) = outcome else { throw Ended(event: last.withLock { $0 }) }
  return report
}
