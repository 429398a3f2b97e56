import Evaluation
import Models
import TerminalUI
import Wording

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// How far next-token probabilities moved: mean with error bar, noise floor, percentiles.
struct DivergencePanel: Widget {
  var report: EvaluationReport

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let room = buffer.box(
      StyledText(
        "KL divergence to \(BaselineWords(storedAs: report.baseline.storedAs).short), in nats"),
      in: rect, look: look, trailing: .hint("lower is better"))
    let kl = report.kl
    let floor = report.noiseFloor.klMean
    let (head, rest) = room.splitTop(room.height >= 9 ? 3 : 2)
    let mean: StyledText =
      .strong("mean \(Quantity.significant(kl.mean))")
      + StyledText(Quantity.margin(kl.error, windows: report.windows))
    buffer.line(
      oneOf: [
        mean + .hint("  how far next-token probabilities moved"),
        mean + .hint("  probabilities moved"), mean,
      ], in: head.row(0), look: look)
    let times = floor > 0 ? kl.mean / floor : .infinity
    let verdict: StyledText =
      kl.mean <= floor
      ? .good("\(look.glyphs.pass) within the noise")
      : StyledText("\(Quantity.significant(times, 2)) × the noise", .dim)
    let noise: StyledText = .dim("noise floor \(Quantity.significant(floor, 2))")
    buffer.line(
      oneOf: [noise + .hint(" BF16 against float32  ") + verdict, noise + "  " + verdict],
      in: head.row(1), look: look)
    let values: [(String, Double, Role)] = [
      ("median", kl.median, .series1), ("p90", kl.p90, .series1), ("p95", kl.p95, .series1),
      ("p99", kl.p99, .series2), ("max", kl.max, .series2),
    ]
    let bars = values.map { name, value, role in
      BarChart.Bar(
        StyledText(name), value: Self.decades(value),
        text: StyledText(Quantity.significant(value)),
        role: role)
    }
    let (chart, note) = rest.splitTop(bars.count)
    buffer.draw(BarChart(bars, highest: Self.decades(max(kl.max, 1))), in: chart, look: look)
    buffer.line(
      oneOf: [
        .hint("p99: 1 token in 100 is worse than this; bars are logarithmic"),
        .hint("p99: 1 token in 100 is worse; log bars"),
      ], in: note, look: look)
  }

  /// Decades above a millionth of a nat.
  static func decades(_ value: Double) -> Double {
    guard value.isFinite, value > 1e-6 else { return 0 }
    return log10(value) + 6
  }
}

/// Perplexity and top-1 agreement next to the baseline, and the protocol they were taken by.
struct PerplexityPanel: Widget {
  var report: EvaluationReport

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let room = buffer.box(
      "perplexity and agreement", in: rect, look: look,
      trailing: .hint("against \(report.baseline.name)"))
    let before = report.baseline.perplexity
    let change = before > 0 ? report.perplexity / before - 1 : 0
    let perplexity: StyledText =
      .dim("perplexity ")
      + StyledText("\(Quantity.perplexity(before)) \(look.glyphs.arrow) ")
      + .strong(Quantity.perplexity(report.perplexity))
      + StyledText(Quantity.margin(report.perplexityError, windows: report.windows))
      + .hint("  \(Quantity.signedPercent(change, 1))")
    buffer.line(
      oneOf: [perplexity + .hint("; lower is better"), perplexity], in: room.row(0), look: look)
    let top: StyledText =
      .dim("top-1 same ")
      + .strong(Quantity.percent(report.topOneAgreement, 1))
      + StyledText(
        report.windows > 1 ? " ± \(Quantity.fixed(report.topOneAgreementError * 100, 1))" : "")
    buffer.line(
      oneOf: [
        top + .hint("  the most likely token is the baseline's"),
        top + .hint("  most likely token"), top,
      ], in: room.row(1), look: look)
    let scored =
      (report.protocol == .llamaCpp ? "second half scored" : "all scored")
      + (report.begin.map { ", \($0.short)" } ?? "")
    let cut: StyledText =
      .dim("protocol   ") + StyledText(report.protocol.rawValue)
      + .hint(": \(report.windows) × \(report.window), \(scored)")
    buffer.line(
      oneOf: [cut + .hint("; \(Quantity.grouped(report.tokens)) tokens"), cut], in: room.row(2),
      look: look)
    let recipe: StyledText = .dim("recipe     ") + StyledText(report.recipe)
    let inputs = Self.inputs(report)
    buffer.line(
      oneOf: [
        recipe + .hint("  text: \(report.text)") + inputs, recipe + inputs,
        inputs.width == 0 ? recipe : inputs,
      ], in: room.row(3), look: look)
  }

  /// What became of the inputs of layers, where that is known: clipped, or multiplied apart.
  private static func inputs(_ report: EvaluationReport) -> StyledText {
    var text = StyledText("")
    if let share = report.inputs?.clipShare {
      text += .warn("  \(Quantity.percent(share, 3)) of inputs clipped")
    }
    if let share = report.inputs?.outlierShare {
      text += .hint("  \(Quantity.percent(share, 2)) of columns apart")
    }
    return text
  }
}

/// FP and quantized continuation side by side, the first place where they part marked.
struct ContinuationPanel: Widget {
  var report: ContinuationReport?
  var baseline: BaselineWords

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let room = buffer.box(
      "the same prompt continued", in: rect, look: look, trailing: trailing(look))
    guard let report else {
      buffer.line(.hint("c continues the prompt with both models."), in: room, look: look)
      return
    }
    let (head, body) = room.splitTop(1)
    buffer.line(.dim("prompt ") + StyledText(report.prompt), in: head, look: look)
    let columns = body.columns([.fill(), .fill()], spacing: 2)
    side(baseline.short, report.baseline, mark: "", in: columns[0], &buffer, look)
    side(
      "quantized", report.quantized, mark: report.firstDivergence == nil ? "" : "▸", in: columns[1],
      &buffer, look)
  }

  private func trailing(_ look: Look) -> StyledText {
    guard let report else { return "" }
    guard let first = report.firstDivergence else {
      return .good("\(look.glyphs.pass) all \(report.tokens) tokens the same")
    }
    return .warn("\(look.glyphs.warn) parts at token \(first + 1) of \(report.tokens)")
  }

  private func side(
    _ name: String, _ text: String, mark: String, in rect: Rect, _ buffer: inout CellBuffer,
    _ look: Look
  ) {
    buffer.line(StyledText(name, .header), in: rect.row(0), look: look)
    let count = min(max(0, report?.commonCharacters ?? 0), text.count)
    let common = String(text.prefix(count))
    let rest = String(text.dropFirst(count))
    let pointer = mark.isEmpty || rest.isEmpty ? "" : String(look.glyphs.pointer)
    buffer.draw(
      Paragraph(.dim(common) + StyledText(pointer, .warn) + .strong(rest)),
      in: rect.splitTop(1).rest, look: look)
  }
}

/// Facts found again through the cache, by how far back they lie.
struct RecallPanel: Widget {
  var report: RecallReport?
  var baseline: BaselineWords

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let room = buffer.box(
      "recall at depth", in: rect, look: look,
      trailing: report == nil ? "" : .hint("facts found, by tokens back"))
    guard let report, !report.depths.isEmpty else {
      buffer.draw(
        Paragraph(
          .hint(
            "d asks for facts that lie far back, read through the quantized cache. Short texts do "
              + "not show what a KV method loses.")), in: room, look: look)
      return
    }
    let columns: [Table.Column] = [
      Table.Column("back", .right), Table.Column(baseline.short, .right),
      Table.Column("now", .right), Table.Column(""),
    ]
    let rows = report.depths.map { depth -> [StyledText] in
      let lost = depth.baselineCorrect - depth.quantizedCorrect
      return [
        StyledText("\(Quantity.grouped(depth.depth))"),
        StyledText("\(depth.baselineCorrect)/\(depth.questions)"),
        .strong("\(depth.quantizedCorrect)/\(depth.questions)"),
        lost > 0 ? .warn("\(look.glyphs.warn) \(lost) lost") : .good("\(look.glyphs.pass)"),
      ]
    }
    buffer.draw(Table(columns, rows: rows), in: room, look: look)
  }
}
