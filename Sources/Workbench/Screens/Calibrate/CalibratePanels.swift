import Engine
import Models
import Operators
import Quantization
import TerminalUI

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
      Gauge(fraction, text: .strong(NumberText.percent(fraction))), in: room.row(1), look: look)
    if let progress {
      buffer.line(
        StyledText("\(NumberText.grouped(progress.done)) of \(NumberText.grouped(progress.total)) ")
          + .dim(progress.unit), in: room.row(2), look: look)
      var time = StyledText(NumberText.duration(seconds: progress.secondsElapsed)) + .dim(" so far")
      if let left = progress.secondsLeft, job.status.isActive {
        time += .strong("   \(NumberText.duration(seconds: left))") + .dim(" left")
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

/// Throughput over time and the memory peak beside what was priced.
struct MeterPanel: Widget {
  var state: State
  var job: TrackedJob

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let room = buffer.box("throughput and memory", in: rect, look: look)
    let columns = room.columns([.fixed(9), .fill()], spacing: 1)
    let rate = job.progress?.rate
    buffer.line(.dim("rate"), in: columns[0].row(0), look: look)
    buffer.line(
      rate.map {
        .strong(NumberText.short($0)) + .dim(" \(job.progress?.rateUnit ?? "")")
      } ?? .hint("not yet"), in: columns[1].row(0), look: look)
    buffer.draw(Sparkline(job.rates), in: columns[1].row(1), look: look)
    let peak = job.progress?.peakResidentBytes ?? 0
    let priced = state.facts.assessment?.peakResidentBytes
    buffer.line(.dim("memory"), in: columns[0].row(2), look: look)
    let used: StyledText = .strong(NumberText.bytes(peak))
    let expected = priced.map { "priced \(NumberText.bytes($0))" } ?? ""
    buffer.line(
      oneOf: [
        used + .dim(" at most so far  ") + .hint(expected), used + .hint("  " + expected), used,
      ],
      in: columns[1].row(2), look: look)
    if let most = state.facts.peaks?.memoryBytes, most > 0 {
      buffer.draw(
        Gauge(
          Double(peak) / most, role: Double(peak) > most * 0.9 ? .bad : .accent,
          text: .hint("of \(NumberText.short(most))B")), in: columns[1].row(3), look: look)
    }
  }
}

/// Blocks down, projections across: what is done, and how large its error is.
struct BlockGrid: Widget {
  var state: State
  var job: TrackedJob

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let room = buffer.box(
      "blocks", in: rect, look: look, trailing: .hint("relative output error"))
    let layers = state.facts.layers
    guard !layers.isEmpty else {
      buffer.draw(
        Paragraph(
          .hint("Each layer lights up when it is done; the brighter, the larger its error.")),
        in: room, look: look)
      return
    }
    var names: [String] = []
    for layer in layers.prefix(64) where !names.contains(layer.projection) {
      names.append(layer.projection)
    }
    let known = state.facts.model?.shape.blocks ?? 0
    let rows = max(known, (layers.map(\.block).max() ?? 0).clamped(0, 4095) + 1)
    var values = [Double](repeating: .nan, count: rows * names.count)
    var marks: [Heatmap.Place: Unicode.Scalar] = [:]
    for layer in layers {
      guard (0..<rows).contains(layer.block), let column = names.firstIndex(of: layer.projection)
      else { continue }
      values[layer.block * names.count + column] = layer.relativeError
      if layer.fallback != nil {
        marks[Heatmap.Place(row: layer.block, column: column)] = look.glyphs.warn
      }
    }
    let newest = layers.last.map(\.block) ?? 0
    buffer.draw(
      Heatmap(
        rows: rows, columns: names.count, values: values, rowLabels: (0..<rows).map(String.init),
        columnLabels: names, scale: .logarithmic, marks: marks,
        top: max(0, newest - room.height / 2)), in: room, look: look)
  }
}

/// The layers that are done, newest or worst first.
struct LayerTable: Widget {
  var state: State

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let view = state.calibrate
    let layers = state.facts.layers
    let room = buffer.box(
      view.sortsByError ? "layers, worst first" : "layers, newest first", in: rect, look: look,
      trailing: .hint(
        rect.width >= 76 ? "error 0.01: 1 % of the output's energy is lost" : "0.01: 1 % is lost"),
      isFocused: view.pane == .layers)
    let ordered =
      view.sortsByError
      ? layers.sorted { $0.relativeError > $1.relativeError } : layers.reversed()
    let order: Table.Order? = view.sortsByError ? .descending : nil
    let columns: [Table.Column] = [
      Table.Column("layer"), Table.Column("error", .right, order: order),
      Table.Column("SQNR dB", .right), Table.Column("cosine", .right, isOptional: true),
      Table.Column("bits", .right, isOptional: true), Table.Column("method", isOptional: true),
      Table.Column("remark", isOptional: true, widest: 40),
    ]
    let rows = ordered.map { layer -> [StyledText] in
      [
        StyledText("\(layer.block).\(layer.projection)"),
        .strong(NumberText.significant(layer.relativeError)),
        StyledText(NumberText.fixed(layer.sqnr, 1)), .dim(NumberText.fixed(layer.cosine, 4)),
        .dim(NumberText.fixed(layer.bits, 2)), .dim(layer.method),
        layer.fallback.map { .warn("\(look.glyphs.warn) \($0)") } ?? "",
      ]
    }
    buffer.draw(
      Table(
        columns, rows: rows, selected: rows.isEmpty ? nil : view.layer,
        placeholder: .hint("No layer is done yet.")), in: room, look: look)
  }
}

/// The last lines of the log.
struct LogPanel: Widget {
  var state: State
  var job: TrackedJob

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let view = state.calibrate
    let room = buffer.box("log", in: rect, look: look, isFocused: view.pane == .log)
    let end = max(0, job.log.count - view.logBack)
    let lines = job.log[max(0, end - room.height)..<end]
    if lines.isEmpty { buffer.line(.hint("Nothing was said yet."), in: room, look: look) }
    for (row, line) in lines.enumerated() {
      buffer.line(StyledText(line, .dim), in: room.row(row), look: look)
    }
  }
}

extension Comparable {
  func clamped(_ lowest: Self, _ highest: Self) -> Self { min(max(self, lowest), highest) }
}
