import Engine
import TerminalUI
import Wording

/// How far the job is, in one look: phase, bar, time left.
struct JobPanel: Widget {
  var job: TrackedJob
  var now: Int
  /// Something worth knowing of the whole run.
  var remark: String?

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let room = buffer.box(StyledText(job.title), in: rect, look: look, trailing: status(look))
    let progress = job.progress
    buffer.line(oneOf: phase.map { .strong($0) }, in: room.row(0), look: look)
    let fraction = job.status == .finished ? 1 : job.fraction ?? 0
    buffer.draw(
      Gauge(fraction, text: .strong(Quantity.percent(fraction))), in: room.row(1), look: look)
    if let progress {
      buffer.line(
        StyledText("\(Quantity.grouped(progress.done)) of \(Quantity.grouped(progress.total)) ")
          + .dim(progress.unit), in: room.row(2), look: look)
      var time = StyledText(Quantity.seconds(progress.secondsElapsed)) + .dim(" so far")
      if let left = progress.secondsLeft, job.status.isActive {
        time += .strong("   \(Quantity.seconds(left))") + .dim(" left")
      }
      buffer.line(time, in: room.row(3), look: look)
    }
    if let remark, room.height >= 5 {
      buffer.line(.accent("\(look.glyphs.pointer) \(remark)"), in: room.row(4), look: look)
    }
    if case .failed(let message) = job.status {
      buffer.draw(
        Paragraph(.bad("\(look.glyphs.fail) \(message)")), in: room.splitTop(2).rest, look: look)
    }
  }

  /// What is being done; where there is no room, without the block, which the count below tells.
  private var phase: [String] {
    guard let phase = job.progress?.phase else {
      return [job.status == .queued ? "waits for its turn" : ""]
    }
    guard let colon = phase.firstIndex(of: ":") else { return [phase] }
    return [phase, String(phase[phase.index(after: colon)...].drop { $0 == " " })]
  }

  private func status(_ look: Look) -> StyledText {
    switch job.status {
    case .queued: .hint("waits")
    case .running: .accent("\(look.glyphs.play) runs")
    case .paused: .warn("\(look.glyphs.pause) paused")
    case .finished: .good("\(look.glyphs.pass) done")
    case .failed: .bad("\(look.glyphs.fail) failed")
    case .cancelled: .warn("\(look.glyphs.warn) cancelled")
    }
  }
}
