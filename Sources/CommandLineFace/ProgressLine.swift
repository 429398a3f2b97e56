import Engine
import Platform
import Synchronization
import Wording

/// Progress of a command on standard error: a bar on a terminal, a line every few seconds elsewhere.
final class ProgressLine: Sendable {
  private let streams = Output.streams.get()
  private let last = Mutex((printed: 0.0, phase: "", shown: false))

  /// Shows one event.
  func show(_ event: JobEvent) {
    switch event {
    case .progressed(_, let progress): show(progress)
    case .log(_, let text): note(text)
    case .started, .part, .finished, .failed, .cancelled: break
    }
  }

  /// Ends the bar, so that what follows begins on a line of its own.
  func finish() {
    let shown = last.withLock { state in
      defer { state.shown = false }
      return state.shown
    }
    if shown, isTerminal { streams.redraw("") }
  }

  /// Says something that stays.
  func note(_ text: String) {
    finish()
    streams.complain(text + "\n")
  }

  private func show(_ progress: JobProgress) {
    let now = Machine.seconds()
    let due = last.withLock { state in
      let isNew = state.phase != progress.phase
      guard now - state.printed > (isTerminal ? 0.1 : 5) || (isNew && isTerminal) else {
        return false
      }
      state = (now, progress.phase, true)
      return true
    }
    guard due else { return }
    var line = progress.phase
    if progress.total > 0 {
      line += " \(progress.done)/\(progress.total) \(progress.unit)"
      if isTerminal {
        let filled = 20 * progress.done / max(1, progress.total)
        line =
          String(repeating: "#", count: min(20, filled))
          + String(repeating: "-", count: 20 - min(20, filled)) + " " + line
      }
    }
    if let rate = progress.rate {
      line += ", \(Quantity.significant(rate)) \(progress.rateUnit)"
    }
    if let left = progress.secondsLeft { line += ", \(Quantity.seconds(left)) left" }
    if isTerminal { streams.redraw(line) } else { streams.complain(line + "\n") }
  }

  private var isTerminal: Bool { streams.redrawsProgress }
}
