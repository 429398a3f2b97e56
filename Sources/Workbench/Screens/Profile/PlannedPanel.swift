import Engine
import Planning
import TerminalUI
import Wording

/// Speed and bytes under the planned workload, the phase that binds first.
struct PlannedPanel: Widget {
  var report: WorkloadReport?
  /// The newest job that measured it.
  var job: TrackedJob?

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let room = buffer.box(
      "under the planned workload", in: rect, look: look,
      trailing: .hint(report.map { $0.isModelled ? "modelled" : "measured" } ?? ""))
    guard let report else {
      let isRunning = job.map { !$0.status.isOver } ?? false
      let failed: StyledText =
        if case .failed(let reason)? = job?.status { .bad(reason) } else { "" }
      buffer.line(
        isRunning
          ? .hint("Its depth, requests and prompt are timed next, the baseline in the same rounds.")
          : failed.width > 0 ? failed : .hint("Not measured: m measures it."), in: room, look: look)
      return
    }
    let (before, after) = (report.baseline, report.quantized)
    func phase(_ phase: WorkloadReport.Phase) -> StyledText {
      let isPrompt = phase == .prefill
      let seconds =
        isPrompt
        ? (before.times.promptSeconds, after.times.promptSeconds)
        : (before.times.stepSeconds, after.times.stepSeconds)
      let speedup = isPrompt ? after.times.promptSpeedup : after.times.stepSpeedup
      let name =
        isPrompt
        ? "prompt of \(Quantity.grouped(report.workload.promptTokens)) "
        : "step of \(Quantity.grouped(report.workload.batch)) "
      let binds: StyledText =
        phase == report.phase ? .hint(" binds, \(Quantity.percent(report.phaseShare))") : ""
      return .dim(name)
        + StyledText("\(Quantity.seconds(seconds.0)) \(look.glyphs.arrow) ")
        + .strong(Quantity.seconds(seconds.1))
        + StyledText(
          "  \(Quantity.times(speedup.median))", speedup.low >= 1 ? .good : .warn)
        + binds
    }
    buffer.line(
      oneOf: [
        phase(report.phase) + .hint("   ") + phase(report.phase == .prefill ? .decode : .prefill),
        phase(report.phase),
      ], in: room.row(0), look: look)
    let bytes: StyledText =
      .dim("weights and cache ")
      + StyledText("\(Quantity.bytes(before.bytes)) \(look.glyphs.arrow) ")
      + .strong(Quantity.bytes(after.bytes))
    let fits: StyledText =
      report.resource == .capacity
      ? .hint("   memory binds: ")
        + StyledText(
          "\(before.fittingRequests) \(look.glyphs.arrow) \(after.fittingRequests) requests fit")
      : ""
    buffer.line(
      oneOf: [bytes + fits + .hint("   " + report.source), bytes + fits, bytes], in: room.row(1),
      look: look)
  }
}
