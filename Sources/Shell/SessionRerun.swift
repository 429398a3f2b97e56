package import Engine
import Operators
import Platform
import TerminalUI
package import Workbench

/// Runs what was chosen in a session again: its keys are pressed, its jobs are done by the engine, and each report is held against
/// the recorded one.
///
/// The machine is taken as it was recorded, so that a plan is the same arithmetic; what writes files is not done again.
package struct SessionRerun {
  private let laboratory: Laboratory
  private let control: JobControl
  /// Where the model is now; nil for where the session says.
  private let model: String?
  /// Told what happens in the jobs.
  private let hear: @Sendable (JobEvent) -> Void
  private var then: State
  private var live: State
  private var verdict: SessionVerdict

  /// Jobs that write files, or read those of another machine.
  private static let writing: Set<String> = [
    SaveJob.name, ExportJob.name, EditRunJob.name, WriteRecipeJob.name, OpenRecipeJob.name,
  ]

  package init(
    _ session: Session, laboratory: Laboratory, control: JobControl = JobControl(),
    model: String? = nil, hear: @escaping @Sendable (JobEvent) -> Void = { _ in }
  ) {
    self.laboratory = laboratory
    self.control = control
    self.model = model
    self.hear = hear
    then = State(size: session.header.size)
    then.theme = session.header.theme
    live = then
    verdict = SessionVerdict(title: session.header.title)
    if session.header.program != ProgramVersion.current {
      verdict.differences.append(
        "program: \(session.header.program) then, \(ProgramVersion.current) now")
    }
  }

  /// Takes the session to its end.
  ///
  /// - Throws: `SessionError` where a report cannot be compared; `CancellationError`.
  package mutating func run(_ session: Session) throws -> SessionVerdict {
    for line in session.lines {
      guard case .message(let message) = line.item else { continue }
      _ = update(&then, message)
      guard case .job(let event) = message else {
        _ = update(&live, message)
        continue
      }
      switch event {
      case .finished(let id, let report): try finish(id, report, at: line.at)
      // What a job tells on its way comes from the job that is done again.
      case .progressed, .part, .log: break
      case .started, .failed, .cancelled: _ = update(&live, message)
      }
    }
    verdict.compareEnds(then, live)
    return verdict
  }

  private mutating func finish(_ id: JobID, _ report: JobPayload, at: Int) throws {
    let recorded = then.jobs[id]?.request
    guard let request = live.jobs[id]?.request, request.name == report.job else {
      let now = live.jobs[id]?.request.words ?? "nothing"
      note(recorded?.words ?? report.job, at, "what is asked for now is another job: \(now)")
      verdict.choices.append(
        .init(name: "job \(id.number)", then: recorded?.words ?? report.job, now: now))
      return
    }
    if let recorded, recorded != request, request.isHeavy {
      verdict.choices.append(
        .init(name: "job \(id.number)", then: recorded.words, now: request.words))
    }
    if Self.writing.contains(request.name) {
      note(request.words, at, "not done again, since it writes or reads files")
      return pass(.finished(id: id, report: report))
    }
    if let peaks = report.value as? MachineJob.Report, request.name == MachineJob.name {
      laboratory.take(peaks)
      note(request.words, at, "the machine is taken as recorded: \(peaks.name)")
      return pass(.finished(id: id, report: report))
    }
    try again(id, request, report, at: at)
  }

  private mutating func again(
    _ id: JobID, _ request: JobRequest, _ report: JobPayload, at: Int
  ) throws {
    let start = Machine.seconds()
    let box = Ending()
    laboratory.run(place(request), id: id, control: control) { [hear] event in
      if event.endsJob { box.event = event } else { hear(event) }
    }
    let seconds = Machine.seconds() - start
    switch box.event {
    case .finished(_, let now):
      let comparison = try ReportComparison(job: request.name, then: report, now: now)
      verdict.steps.append(
        .init(
          at: at, words: request.words, isHeavy: request.isHeavy, comparison: comparison, note: nil,
          seconds: seconds))
      pass(.finished(id: id, report: now))
    case .failed(_, let reason) where request.name == LoadJob.name:
      throw SessionError.unreadable(
        path: request.as(LoadJob.self)?.path ?? LoadJob.builtIn,
        reason: "\(reason); --model says where the model is now")
    case .failed(_, let reason):
      note(request.words, at, SessionVerdict.failed)
      verdict.differences.append("\(request.words): \(reason)")
      pass(.failed(id: id, message: reason))
    default: throw CancellationError()
    }
  }

  /// The request with the model where it is now.
  private func place(_ request: JobRequest) -> JobRequest {
    guard let model, let load = request.as(LoadJob.self), load.path != nil else { return request }
    return JobRequest(LoadJob(path: model, against: load.against))
  }

  /// Tells the state that runs again what it would have been told.
  private mutating func pass(_ event: JobEvent) {
    let message = Message.job(event: event)
    _ = update(&live, (try? SessionCodec.canonical(message)) ?? message)
  }

  private mutating func note(_ words: String, _ at: Int, _ note: String) {
    verdict.steps.append(
      .init(at: at, words: words, isHeavy: true, comparison: nil, note: note, seconds: 0))
  }

  /// How a job ended; it runs on the thread that reads it.
  private final class Ending: @unchecked Sendable {
    var event: JobEvent?
  }
}
