package import Engine

/// Thins out the progress of jobs before it reaches the store: at most twenty reports a second.
///
/// Only progress is thinned, and always the newest is kept; everything else passes at once, in order.
package struct EventCoalescer: Sendable {
  private var held: [JobID: JobEvent] = [:]
  private var lastPassed: [JobID: Int] = [:]
  private let interval: Int

  /// - Parameter interval: milliseconds between two reports of one job.
  package init(interval: Int = 50) { self.interval = max(0, interval) }

  /// Takes an event; returns what may pass now.
  package mutating func take(_ event: JobEvent, at milliseconds: Int) -> [JobEvent] {
    let id = event.id
    guard case .progressed = event else {
      let pending = held.removeValue(forKey: id).map { [$0] } ?? []
      if event.endsJob { lastPassed[id] = nil }
      return pending + [event]
    }
    if let last = lastPassed[id], milliseconds - last < interval {
      held[id] = event
      return []
    }
    held[id] = nil
    lastPassed[id] = milliseconds
    return [event]
  }

  /// What was held back for long enough.
  package mutating func flush(at milliseconds: Int) -> [JobEvent] {
    let due = held.keys.filter { milliseconds - (lastPassed[$0] ?? .min / 2) >= interval }
      .sorted { $0.number < $1.number }
    return due.compactMap { id in
      lastPassed[id] = milliseconds
      return held.removeValue(forKey: id)
    }
  }

  /// Milliseconds until `flush` has something; nil while nothing is held.
  package func wait(at milliseconds: Int) -> Int? {
    held.keys.map { max(0, interval - (milliseconds - (lastPassed[$0] ?? milliseconds))) }.min()
  }
}
