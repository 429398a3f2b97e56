import Engine
import TerminalUI
import Workbench

/// A session as long as is wanted, made of what recorded sessions hold: one after the other at their own pace, jobs renumbered as
/// the program would have numbered them.
enum LongSession {
  static func make(seconds: Int, from sources: [Session]) -> Session {
    guard let first = sources.first else { return Session(header: StoreTests.header, lines: []) }
    var builder = Builder(state: State(size: first.header.size))
    var turn = 0
    while builder.time < seconds * 1000, turn < 10_000 {
      builder.add(sources[turn % sources.count])
      turn += 1
    }
    return Session(header: first.header, lines: builder.lines)
  }

  private struct Builder {
    var state: State
    var lines: [SessionLine] = []
    /// Where the last session ended, in milliseconds.
    var time = 0

    mutating func add(_ source: Session) {
      for job in state.jobs.jobs where job.status.isActive {
        send(.job(event: .cancelled(id: job.id)), at: time)
      }
      var old = State(size: source.header.size)
      var ids: [JobID: JobID] = [:]
      let start = time
      for line in source.lines {
        let at = start + line.at
        guard case .message(let message) = line.item else {
          lines.append(SessionLine(at: at, item: line.item))
          continue
        }
        let before = update(&old, message)
        var moved = message
        switch message {
        case .tick(let milliseconds): moved = .tick(milliseconds: start + milliseconds)
        case .job(let event):
          guard let id = ids[event.id] else { continue }
          moved = .job(event: event.renumbered(id))
        default: break
        }
        var after = send(moved, at: at)
        for case .run(let id, let request) in before {
          guard let place = after.firstIndex(where: { $0.request?.name == request.name }) else {
            continue
          }
          ids[id] = after.remove(at: place).id
        }
      }
      time = start + source.milliseconds
    }

    @discardableResult
    private mutating func send(_ message: Message, at: Int) -> [Effect] {
      lines.append(SessionLine(at: at, item: .message(message)))
      time = at
      return update(&state, message)
    }
  }
}

extension Effect {
  fileprivate var request: JobRequest? {
    if case .run(_, let request) = self { request } else { nil }
  }
  fileprivate var id: JobID? { if case .run(let id, _) = self { id } else { nil } }
}

extension JobEvent {
  fileprivate func renumbered(_ id: JobID) -> JobEvent {
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
