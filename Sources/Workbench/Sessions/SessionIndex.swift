import Engine

/// Where a session can be entered: the state after every stretch of lines, made once when the session is opened.
///
/// A state is a value whose parts are shared with the states around it, so that an hour costs megabytes, not gigabytes. A stretch
/// ends when its messages together are about as much work as a screen is worth waiting for; those of very long sessions are longer,
/// so that there are hundreds of states and not thousands.
package struct SessionIndex: Sendable {
  /// The state after `index` lines, and what was said last.
  package struct Entrance: Sendable {
    package var index: Int
    package var state: State
    package var caption: String?
  }

  /// In the order of their lines; the first is the state before any.
  package private(set) var entrances: [Entrance]

  /// The least work between two entrances, in ticks, and about how many entrances there are at most.
  private static let (stretch, most) = (160, 512)

  package init(_ session: Session) {
    var state = State(size: session.header.size)
    state.theme = session.header.theme
    var caption: String?
    let all = session.lines.reduce(0) { sum, line in
      if case .message(let message) = line.item { sum + Self.work(message) } else { sum }
    }
    let stretch = max(Self.stretch, all / Self.most)
    var work = 0
    entrances = [Entrance(index: 0, state: state, caption: nil)]
    for (index, line) in session.lines.enumerated() {
      switch line.item {
      case .message(let message):
        _ = update(&state, message)
        work += Self.work(message)
      case .say(let text), .note(let text): caption = text
      case .marker, .task, .question, .part, .unknown: break
      }
      guard work >= stretch else { continue }
      work = 0
      entrances.append(Entrance(index: index + 1, state: state, caption: caption))
    }
  }

  /// The last entrance at or before a number of lines.
  package func entrance(before count: Int) -> Entrance {
    var first = 0
    var last = entrances.count
    while first < last {
      let middle = first + (last - first) / 2
      if entrances[middle].index > count { last = middle } else { first = middle + 1 }
    }
    return entrances[max(0, first - 1)]
  }

  /// About how much work a message is, a tick being one.
  private static func work(_ message: Message) -> Int {
    switch message {
    case .tick, .notice, .recording, .readOnly, .glossary, .paths: 1
    case .input, .lesson, .launch: 8
    case .catalog: 16
    case .job(let event): work(event)
    }
  }

  private static func work(_ event: JobEvent) -> Int {
    switch event {
    case .progressed, .log: 2
    case .started, .part, .cancelled, .failed: 8
    case .finished: 32
    }
  }
}
