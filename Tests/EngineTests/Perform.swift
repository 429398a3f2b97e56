import Engine
import Synchronization

/// A job that did not finish, with the event that ended it.
struct Ended: Error { var event: JobEvent? }

/// Runs a job to its end.
///
/// - Parameters:
///   - stopping: cancels the job when that many units of it are done.
///   - emit: shown every event.
func perform(
  _ laboratory: Laboratory, _ request: JobRequest, stopping: Int? = nil,
  emit: @escaping @Sendable (JobEvent) -> Void = { _ in }
) throws -> JobResult {
  let last = Mutex<JobEvent?>(nil)
  let control = JobControl()
  laboratory.run(request, id: JobID(number: 1), control: control) { event in
    emit(event)
    if case .progressed(_, let progress) = event, let stopping, progress.done >= stopping {
      control.cancel()
    }
    last.withLock { $0 = event }
  }
  let event = last.withLock { $0 }
  guard case .finished(_, let result) = event else { throw Ended(event: event) }
  return result
}
