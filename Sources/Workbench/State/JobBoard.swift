package import Engine

/// The jobs of this run of the program: what runs, what waits, what came of the rest.
///
/// Heavy jobs run one at a time, in the order they were asked for; light ones are answered meanwhile.
package struct JobBoard: Hashable, Sendable {
  /// The newest last; old ones are forgotten.
  package private(set) var jobs: [TrackedJob] = []
  private var nextNumber = 1
  private static let kept = 40
  /// Jobs at the most, those without an end among them: a recording may have lost what answered them.
  private static let most = 256

  package init() {}

  /// The heavy job that runs or is paused.
  package var active: TrackedJob? { jobs.last { $0.isHeavy && $0.status.isActive } }
  /// Heavy jobs that wait.
  package var queued: [TrackedJob] { jobs.filter { $0.status == .queued } }

  package subscript(id: JobID) -> TrackedJob? { jobs.last { $0.id == id } }

  /// The newest job of a kind.
  package func latest(_ kind: any Job.Type) -> TrackedJob? { jobs.last { $0.isOf(kind) } }

  /// The newest job of any of some kinds.
  package func latest(of kinds: [any Job.Type]) -> TrackedJob? {
    jobs.last { job in kinds.contains { job.isOf($0) } }
  }

  /// Adds a job and starts it unless a heavy one is in the way.
  package mutating func start(_ job: some Job, now: Int) -> [Effect] {
    let request = JobRequest(job)
    let id = JobID(number: nextNumber)
    nextNumber += 1
    var job = TrackedJob(id: id, request: request, since: now)
    job.status = job.isHeavy && active != nil ? .queued : .running
    jobs.append(job)
    forgetOld()
    return job.status == .running ? [.run(id: id, request: request)] : []
  }

  /// Takes an event in; returns the effects that start what waited.
  package mutating func apply(_ event: JobEvent, now: Int) -> [Effect] {
    guard let index = jobs.lastIndex(where: { $0.id == event.id }) else { return [] }
    jobs[index].apply(event, now: now)
    guard !jobs[index].status.isActive else { return [] }
    if jobs[index].status == .cancelled { dropQueue() }
    return startNext(now: now)
  }

  package mutating func setPaused(_ paused: Bool, _ id: JobID) {
    guard let index = jobs.lastIndex(where: { $0.id == id }), jobs[index].status.isActive else {
      return
    }
    jobs[index].status = paused ? .paused : .running
  }

  private mutating func dropQueue() {
    for index in jobs.indices where jobs[index].status == .queued {
      jobs[index].status = .cancelled
    }
  }

  private mutating func startNext(now: Int) -> [Effect] {
    guard active == nil, let index = jobs.firstIndex(where: { $0.status == .queued }) else {
      return []
    }
    jobs[index].status = .running
    jobs[index].since = now
    return [.run(id: jobs[index].id, request: jobs[index].request)]
  }

  private mutating func forgetOld() {
    while jobs.count > Self.kept {
      let lost = jobs.count > Self.most ? jobs.firstIndex { !$0.isHeavy } : nil
      guard let index = jobs.firstIndex(where: { $0.status.isOver }) ?? lost else { return }
      jobs.remove(at: index)
    }
  }
}

/// One job with everything it has said so far.
package struct TrackedJob: Hashable, Sendable {
  package enum Status: Hashable, Sendable {
    case queued, running, paused, finished, failed(message: String), cancelled

    package var isActive: Bool { self == .running || self == .paused }
    package var isOver: Bool { !isActive && self != .queued }
  }

  package let id: JobID
  package let request: JobRequest
  package var title: String
  package var status: Status = .queued
  package var progress: JobProgress?
  /// Rates reported so far, at most `historyLength` of them.
  package private(set) var rates: [Double] = []
  package private(set) var log: [String] = []
  package var since: Int
  package private(set) var until: Int?

  private static let historyLength = 240
  private static let logLength = 300

  init(id: JobID, request: JobRequest, since: Int) {
    self.id = id
    self.request = request
    self.since = since
    title = request.words
  }

  package var isHeavy: Bool { request.isHeavy }

  /// Whether it is a job of a kind.
  package func isOf(_ kind: any Job.Type) -> Bool { request.name == kind.name }

  /// Done over total, 0 to 1; nil while nothing was reported.
  package var fraction: Double? {
    guard let progress, progress.total > 0 else { return nil }
    return min(max((Double(progress.done) + (progress.share ?? 0)) / Double(progress.total), 0), 1)
  }

  mutating func apply(_ event: JobEvent, now: Int) {
    switch event {
    case .started(_, let title): self.title = title
    case .progressed(_, let progress):
      self.progress = progress
      if let rate = progress.rate, rate.isFinite {
        rates.append(rate)
        if rates.count > Self.historyLength { rates.removeFirst() }
      }
    case .part: break
    case .log(_, let text):
      log.append(text)
      if log.count > Self.logLength { log.removeFirst() }
    case .finished: end(.finished, now)
    case .failed(_, let message): end(.failed(message: message), now)
    case .cancelled: end(.cancelled, now)
    }
  }

  private mutating func end(_ status: Status, _ now: Int) {
    self.status = status
    until = now
  }
}
