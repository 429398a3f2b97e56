import Models
import Operators
import Profiling
import TerminalUI
import Wording

/// Speed and memory, the baseline always next to the quantized model.
struct SpeedPanel: Widget {
  var bench: BenchReport

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let room = buffer.box(
      StyledText("\(bench.baselineWords.short) and quantized"), in: rect, look: look,
      trailing: .hint("\(bench.quantized.provider.rawValue), \(bench.quantized.threads) threads"))
    let now = bench.quantized
    let before = bench.baseline
    let columns: [Table.Column] = [
      Table.Column(""), Table.Column(bench.baselineWords.short, .right),
      Table.Column("quantized", .right),
      Table.Column("change", .right),
    ]
    func row(
      _ name: String, _ value: (BenchReport.Side) -> Double, _ text: (Double) -> String,
      higherIsBetter: Bool
    ) -> [StyledText] {
      let new = value(now)
      let old = before.map(value)
      return [
        .dim(name), old.map { StyledText(text($0)) } ?? .hint("–"), .strong(text(new)),
        old.map { .change($0, new, higherIsBetter: higherIsBetter, look: look) } ?? "",
      ]
    }
    let rows = [
      row("prefill/s", \.prefill.tokensPerSecond, Self.short, higherIsBetter: true),
      row("decode/s", \.decode.tokensPerSecond, Self.short, higherIsBetter: true),
      row(
        "1st token", \.firstTokenSeconds, { Quantity.seconds($0) },
        higherIsBetter: false),
      row("weights", { Double($0.weightBytes) }, Self.bytes, higherIsBetter: false),
      row("KV/token", { Double($0.kvBytesPerToken) }, Self.bytes, higherIsBetter: false),
      row("peak", { Double($0.peakResidentBytes) }, Self.bytes, higherIsBetter: false),
    ]
    let (table, note) = room.splitTop(7)
    buffer.draw(Table(columns, rows: rows), in: table, look: look)
    let run =
      "prompt \(bench.promptTokens), \(bench.generatedTokens) decoded at depth \(bench.depth)"
    let median = "median of \(bench.repetitions)"
    let spread = now.decode.range.map { ", half of decode at \($0)" } ?? ""
    if let others = bench.othersCores, others >= MachinePeaks.busyCores {
      let busy = "busy: others had \(Quantity.fixed(others, 1)) cores"
      buffer.line(
        oneOf: [
          .warn("\(look.glyphs.warn) \(busy)") + .hint("; \(median)\(spread)"),
          .warn("\(look.glyphs.warn) \(busy)"),
        ], in: note, look: look)
      return
    }
    buffer.line(
      oneOf: [
        .hint("tokens a second; \(run), \(median)\(spread)"), .hint("\(run), \(median)\(spread)"),
        .hint("\(median)\(spread)"), .hint("\(run), \(median)"), .hint(median),
      ], in: note, look: look)
  }

  private static func short(_ value: Double) -> String { Quantity.significant(value) }
  private static func bytes(_ value: Double) -> String { Quantity.bytes(value) }
}

/// Memory by kind, before and after: one bar each on the same scale, then the figures.
struct KindPanel: Widget {
  var bench: BenchReport

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let room = buffer.box("memory by kind", in: rect, look: look)
    let before = bench.baseline?.memory ?? [:]
    let after = bench.quantized.memory
    let kinds = Set(before.keys).union(after.keys).sorted {
      let left = max(before[$0] ?? 0, after[$0] ?? 0)
      let right = max(before[$1] ?? 0, after[$1] ?? 0)
      return (right, $0) < (left, $1)
    }
    let sums = [before, after].map { $0.values.map(Double.init).reduce(0, +) }
    let largest = sums.max() ?? 0
    // Four columns of the screen are kept for it.
    let first = bench.storedAs == nil ? "FP" : "was"
    for (row, side) in [(first, before), ("now", after)].enumerated() where !side.1.isEmpty {
      let sum = StyledText(Quantity.bytes(sums[row]))
      let columns = room.row(row).columns([.fixed(4), .fill(), .fixed(sum.width)], spacing: 1)
      buffer.line(.dim(side.0), in: columns[0], look: look)
      let segments = kinds.enumerated().map { index, kind in
        SegmentBar.Segment(kind, value: Double(side.1[kind] ?? 0), role: .series(index))
      }
      buffer.draw(SegmentBar(segments, total: largest), in: columns[1], look: look)
      buffer.line(sum, in: columns[2], look: look)
    }
    let rows = kinds.enumerated().map { index, kind -> [StyledText] in
      [
        StyledText(kind, .series(index)),
        before[kind].map { StyledText(Quantity.bytes($0)) } ?? .hint("–"),
        after[kind].map { .strong(Quantity.bytes($0)) } ?? .hint("–"),
      ]
    }
    buffer.draw(
      Table(
        [Table.Column(""), Table.Column(first, .right), Table.Column("now", .right)], rows: rows),
      in: room.splitTop(2).rest, look: look)
  }
}

/// Which kernel ran for which operator, with its time, its bytes, and why when it fell back.
struct KernelPanel: Widget {
  /// Those of the phase that is looked at, most time first.
  var kernels: [KernelRecord]
  var view: ProfileScreen.View
  var baseline: BaselineWords

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let total = kernels.map(\.seconds).reduce(0, +)
    let native = kernels.filter(\.native).map(\.seconds).reduce(0, +)
    let share = total > 0 ? native / total : 1
    let who = view.showsBaseline ? baseline.long : "quantized"
    let room = buffer.box(
      StyledText("kernels of \(view.phase.words), \(who)"), in: rect, look: look,
      trailing: kernels.isEmpty
        ? ""
        : share > 0.999
          ? .good("\(look.glyphs.pass) all native")
          : .warn("\(look.glyphs.warn) \(Quantity.percent(1 - share)) of the time in fallbacks"),
      footer: .press("i", "by layer  ") + .press("P", "why it is not faster"),
      isFocused: view.pane == .kernels)
    var columns: [Table.Column] = [
      Table.Column("operator", widest: 34), Table.Column("kernel", widest: 30),
      Table.Column("", widest: 10), Table.Column("time", .right, order: .descending),
      Table.Column("share", .right),
    ]
    if room.width >= 92 { columns.append(Table.Column("GB/s", .right)) }
    if room.width >= 110 {
      columns += [Table.Column("GFLOP/s", .right), Table.Column("calls", .right)]
    }
    let rows = kernels.map { kernel -> [StyledText] in
      let seconds = max(kernel.seconds, 1e-12)
      return [
        StyledText(kernel.operator), .dim(kernel.kernel),
        kernel.native ? .good("\(look.glyphs.pass) native") : .warn("\(look.glyphs.warn) fallback"),
        StyledText(Quantity.seconds(kernel.seconds)),
        .strong(Quantity.percent(total > 0 ? kernel.seconds / total : 0)),
        .dim(Quantity.significant(kernel.bytes / seconds / 1e9, 3)),
        .dim(Quantity.significant(kernel.operations / seconds / 1e9, 3)),
        .dim(Quantity.short(Double(kernel.calls))),
      ]
    }
    let (table, note) = room.splitBottom(1)
    buffer.draw(
      Table(
        columns, rows: rows, selected: rows.isEmpty ? nil : view.selected,
        placeholder: .hint("No kernel was traced on this side.")), in: table, look: look)
    guard kernels.indices.contains(view.selected) else { return }
    let chosen = kernels[view.selected]
    let facts = Self.inputs(chosen)
    buffer.line(
      chosen.reason.map { .warn("\(look.glyphs.warn) why: \($0)") + .hint(facts) }
        ?? .hint("\(chosen.kernel) executes the operator as it is" + facts), in: note, look: look)
  }

  /// How many columns it was given, and what a calibrated range clipped.
  private static func inputs(_ kernel: KernelRecord) -> String {
    var text = ""
    if let columns = kernel.inputs?.columns {
      text += "; \(Quantity.fixed(columns / Double(max(1, kernel.calls)), 1)) columns a call"
    }
    if let share = kernel.inputs?.clipShare {
      text += "; \(Quantity.percent(share, 3)) of its inputs clipped"
    }
    return text
  }
}

/// The roofline of the machine with prefill and decode, before and after.
struct RooflinePanel: Widget {
  var bench: BenchReport
  var isFocused: Bool

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let room = buffer.box(
      "roofline", in: rect, look: look,
      trailing: .hint(
        bench.peaks.isMeasured
          ? "peaks measured here"
            + (bench.peaks.measurement?.ageSeconds.map { " \(Quantity.ago($0))" } ?? "")
          : "peaks from a data sheet"),
      footer: .hint("left of the bend: bound by memory"), isFocused: isFocused)
    let peaks = bench.peaks
    var marks: [Roofline.Mark] = []
    if let baseline = bench.baseline {
      marks += Self.marks(baseline, bench.baselineWords.short, .series6)
    }
    marks += Self.marks(bench.quantized, "quantized", .series2)
    buffer.draw(
      Roofline(
        bandwidth: peaks.readBandwidth,
        ceilings: [
          Roofline.Ceiling("INT8", rate: peaks.int8Rate),
          Roofline.Ceiling("BF16", rate: peaks.bf16Rate),
        ], marks: marks), in: room, look: look)
  }

  private static func marks(
    _ side: BenchReport.Side, _ name: String, _ role: Role
  ) -> [Roofline.Mark] {
    [("decode", side.decodeKernels), ("prefill", side.prefillKernels)].compactMap {
      phase, kernels in
      let bytes = kernels.map(\.bytes).reduce(0, +)
      let operations = kernels.map(\.operations).reduce(0, +)
      let seconds = kernels.map(\.seconds).reduce(0, +)
      guard bytes > 0, seconds > 0, operations > 0 else { return nil }
      return Roofline.Mark(
        "\(phase) \(name)", intensity: operations / bytes, rate: operations / seconds, role: role)
    }
  }
}
