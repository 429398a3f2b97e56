package import Engine
import Workbench

/// Runs the jobs of walks one after the other, and remembers what came of them: what was run before on the same model, quantized
/// in the same way, is told again.
package final class LessonEngine {
  private struct Key: Hashable {
    /// What was done to the open model, the newest last.
    var done: [JobRequest]
    var request: JobRequest
  }

  private let laboratory: Laboratory
  /// What was done to the open model in this walk, and in the laboratory.
  private var done: [JobRequest] = []
  private var doneThere: [JobRequest] = []
  private var known: [Key: [JobEvent]] = [:]
  /// Jobs that were run, not remembered.
  package private(set) var ran = 0
  let catalog: [Message]

  package init(laboratory: Laboratory) {
    self.laboratory = laboratory
    catalog = CatalogSource(
      laboratory: laboratory, themes: ThemeCatalog(folders: []), sessionFolders: [], model: nil
    ).messages()
  }

  /// A new walk begins.
  func begin() { done = [] }

  /// What a job tells.
  func events(_ id: JobID, _ request: JobRequest) -> [JobEvent] {
    let key = Key(done: done, request: request)
    defer { done = Self.after(request, done) }
    if let events = known[key] { return events.map { $0.renamed(id) } }
    // What was told from memory has to be done before something new can follow it.
    if doneThere != done {
      for earlier in done { _ = run(JobID(number: 0), earlier) }
    }
    let events = run(id, request)
    known[key] = events
    return events
  }

  private func run(_ id: JobID, _ request: JobRequest) -> [JobEvent] {
    ran += 1
    let box = ToldEvents(keepsParts: false)
    laboratory.run(request, id: id, control: JobControl(), resuming: .never) { box.add($0) }
    doneThere = Self.after(request, doneThere)
    return box.events
  }

  /// What counts of what was done to a model: opening begins anew, what changes weights drops what was quantized, the last recipe
  /// replaces the one before.
  private static func after(_ request: JobRequest, _ done: [JobRequest]) -> [JobRequest] {
    switch request.job {
    case is LoadJob: [request]
    case is QuantizeJob, is LayersJob: done.filter { !($0.job is QuantizeJob) } + [request]
    case is PlantingJob, is RotationJob: done.filter { !($0.job is QuantizeJob) } + [request]
    default: done
    }
  }
}

extension JobEvent {
  /// The same of another job.
  fileprivate func renamed(_ id: JobID) -> JobEvent {
    switch self {
    case .started(_, let title): .started(id: id, title: title)
    case .progressed(_, let progress): .progressed(id: id, progress: progress)
    case .part(_, let part): .part(id: id, part: part)
    case .log(_, let text): .log(id: id, text: text)
    case .finished(_, let report): .finished(id: id, report: report)
    case .failed(_, let message): .failed(id: id, message: message)
    case .cancelled: .cancelled(id: id)
    }
  }
}
