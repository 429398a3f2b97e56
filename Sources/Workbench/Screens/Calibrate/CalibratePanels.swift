import Engine
import Models
import Operators
import Quantization
import TerminalUI
import Wording

/// Throughput over time and the memory peak next to what was priced.
struct MeterPanel: Widget {
  var job: TrackedJob
  /// Bytes that the price named.
  var priced: Int?
  /// Bytes of the machine's memory.
  var machineBytes: Double?

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let room = buffer.box("throughput and memory", in: rect, look: look)
    let columns = room.columns([.fixed(9), .fill()], spacing: 1)
    let rate = job.progress?.rate
    buffer.line(.dim("rate"), in: columns[0].row(0), look: look)
    buffer.line(
      rate.map {
        .strong(Quantity.short($0)) + .dim(" \(job.progress?.rateUnit ?? "")")
      } ?? .hint("not yet"), in: columns[1].row(0), look: look)
    buffer.draw(Sparkline(job.rates), in: columns[1].row(1), look: look)
    let peak = job.progress?.jobBytes ?? job.progress?.peakResidentBytes ?? 0
    buffer.line(.dim("memory"), in: columns[0].row(2), look: look)
    let used: StyledText = .strong(Quantity.bytes(peak))
    let expected = priced.map { "priced \(Quantity.bytes($0))" } ?? ""
    buffer.line(
      oneOf: [
        used + .dim(" at most so far  ") + .hint(expected), used + .hint("  " + expected), used,
      ],
      in: columns[1].row(2), look: look)
    if let most = machineBytes, most > 0 {
      buffer.draw(
        Gauge(
          Double(peak) / most, role: Double(peak) > most * 0.9 ? .bad : .accent,
          text: .hint("of \(Quantity.bytes(most))")), in: columns[1].row(3), look: look)
    }
  }
}

/// Blocks down, projections across: what is done, and how large its error is.
struct BlockGrid: Widget {
  var layers: [LayerReport]
  /// Blocks of the model; 0 where that is not known.
  var blocks: Int

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let room = buffer.box(
      "blocks", in: rect, look: look, trailing: .hint("relative output error"))
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
    let rows = max(blocks, (layers.map(\.block).max() ?? 0).clamped(0, 4095) + 1)
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
  var layers: [LayerReport]
  var sortsByError: Bool
  var selected: Int
  var isFocused: Bool

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let room = buffer.box(
      sortsByError ? "layers, worst first" : "layers, newest first", in: rect, look: look,
      trailing: .hint(
        rect.width >= 76 ? "error 0.01: 1 % of the output's energy is lost" : "0.01: 1 % is lost"),
      isFocused: isFocused)
    let ordered =
      sortsByError
      ? layers.sorted { $0.relativeError > $1.relativeError } : layers.reversed()
    let order: Table.Order? = sortsByError ? .descending : nil
    let columns: [Table.Column] = [
      Table.Column("layer"), Table.Column("error", .right, order: order),
      Table.Column("SQNR dB", .right), Table.Column("1 - cos", .right, isOptional: true),
      Table.Column("bits", .right, isOptional: true), Table.Column("method", isOptional: true),
      Table.Column("remark", isOptional: true, widest: 40),
    ]
    let rows = ordered.map { layer -> [StyledText] in
      [
        StyledText("\(layer.block).\(layer.projection)"),
        .strong(Quantity.significant(layer.relativeError)),
        StyledText(Quantity.fixed(layer.sqnr, 1)),
        .dim(Quantity.significant(max(0, 1 - layer.cosine))),
        .dim(Quantity.fixed(layer.bits, 2)), .dim(layer.method),
        layer.fallback.map { .warn("\(look.glyphs.warn) \($0)") } ?? "",
      ]
    }
    buffer.draw(
      Table(
        columns, rows: rows, selected: rows.isEmpty ? nil : selected,
        placeholder: .hint("No layer is done yet.")), in: room, look: look)
  }
}

/// The last lines of the log.
struct LogPanel: Widget {
  var log: [String]
  /// Lines between the end of the log and the last one shown.
  var back: Int
  var isFocused: Bool

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let room = buffer.box("log", in: rect, look: look, isFocused: isFocused)
    let end = max(0, log.count - back)
    let lines = log[max(0, end - room.height)..<end]
    if lines.isEmpty { buffer.line(.hint("Nothing was said yet."), in: room, look: look) }
    for (row, line) in lines.enumerated() {
      buffer.line(StyledText(line, .dim), in: room.row(row), look: look)
    }
  }
}
