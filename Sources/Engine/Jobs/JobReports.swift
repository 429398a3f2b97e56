/// The newest report of each kind of job, the job that it came of, and the parts of those that run.
///
/// Which reports go when the model changes is what the jobs say themselves, in `staleAfter`.
package struct JobReports: Hashable, Sendable {
  private struct Entry: Hashable, Sendable {
    /// nil where the report was put in by itself.
    var job: JobRequest?
    var report: JobPayload
  }

  private var entries: [String: Entry] = [:]
  private var parts: [String: JobPayload] = [:]

  package init() {}

  /// The report of a kind of job; nil where there is none, or none that still says something.
  package subscript<Kind: Job>(_ kind: Kind.Type) -> Kind.Report? {
    get { entries[kind.name]?.report.value as? Kind.Report }
    set {
      guard let report = newValue.map({ JobPayload($0, of: kind) }) else {
        entries[kind.name] = nil
        return
      }
      entries[kind.name] = Entry(job: entries[kind.name]?.job, report: report)
    }
  }

  /// The job that the report of this kind came of.
  package func job<Kind: Job>(_ kind: Kind.Type) -> Kind? { entries[kind.name]?.job?.as(kind) }

  /// The parts that a job of this kind has told; nil once it has finished, and where parts are not kept.
  package func parts<Kind: Job>(of kind: Kind.Type) -> [Kind.Part]? {
    parts[kind.name]?.value as? [Kind.Part]
  }

  /// A job begins.
  package mutating func begin<Kind: Job>(_ job: Kind) {
    if Kind.startsOver { entries[Kind.name] = nil }
    if Kind.keptParts > 0 { parts[Kind.name] = JobPayload(job: Kind.name, value: [Kind.Part]()) }
  }

  /// A job tells a part.
  package mutating func add<Kind: Job>(_ part: Kind.Part, of job: Kind) {
    if Kind.keptParts > 0 {
      var known = parts(of: Kind.self) ?? []
      parts[Kind.name] = nil
      if known.count < Kind.keptParts { known.append(part) }
      parts[Kind.name] = JobPayload(job: Kind.name, value: known)
    }
    var report = self[Kind.self]
    job.fold(part, into: &report)
    guard let report else { return }
    entries[Kind.name] = Entry(job: JobRequest(job), report: JobPayload(report, of: Kind.self))
  }

  /// A job has finished: what it changes makes others stale, and its report is the newest.
  package mutating func finish<Kind: Job>(_ job: Kind, _ report: Kind.Report) {
    if let change = Kind.changes { forget(after: change) }
    parts[Kind.name] = nil
    entries[Kind.name] = Entry(job: JobRequest(job), report: JobPayload(report, of: Kind.self))
  }

  /// Drops what says nothing any more.
  package mutating func forget(after change: Change) {
    for kind in Jobs.all where kind.staleAfter.contains(change) {
      entries[kind.name] = nil
      parts[kind.name] = nil
    }
  }
}
