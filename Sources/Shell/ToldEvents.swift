import Engine

/// What a job tells, in order; the job runs on the thread that reads it.
final class ToldEvents: @unchecked Sendable {
  private(set) var events: [JobEvent] = []
  /// Whether parts and log lines are kept too: a report is made of its parts, but comes whole.
  private let keepsParts: Bool

  init(keepsParts: Bool) { self.keepsParts = keepsParts }

  func add(_ event: JobEvent) {
    switch event {
    case .started, .finished, .failed, .cancelled: events.append(event)
    case .part, .log: if keepsParts { events.append(event) }
    // Where a job stands is of no use once it is done.
    case .progressed: break
    }
  }
}
