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
      oneOf: [
        noise + .hint(" of our BF16 to float32; other runtimes' may be 10 × that  ") + verdict,
        noise + .hint(" of our BF16; others' to 10 ×  ") + verdict,
        noise + .hint(" (our BF16)  ") + verdict, noise + "  " + verdict,
      ],
      in: head.row(1), look: look)
    // Where there is no room for all, the 95th percentile says least.
    let isShort = rest.height < 6
    let values: [(String, Double, Role)] =
      [("median", kl.median, .series1), ("p90", kl.p90, .series1)]
      + (isShort && kl.p999 != nil ? [] : [("p95", kl.p95, .series1)])
      + [("p99", kl.p99, .series2)] + (kl.p999.map { [("p99.9", $0, .series2)] } ?? [])
      + [("max", kl.max, .series2)]
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
    var row = 1
    func next(_ lines: [StyledText]) {
      buffer.line(oneOf: lines, in: room.row(row), look: look)
      row += 1
    }
    let figures = report.figures
    if let figures { next(Self.ratio(figures, report)) }
    next(Self.agreement(figures, report))
    if let figures, room.height >= 6 { next(Self.probability(figures, report)) }
    let scored =
      (report.protocol == .llamaCpp ? "second half scored" : "all scored")
      + (report.begin.map { ", \($0.short)" } ?? "")
    let cut: StyledText =
      .dim("protocol   ") + StyledText(report.protocol.rawValue)
      + .hint(": \(report.windows) × \(report.window), \(scored)")
    // How a quantized cache was read decides its figures; how many tokens there were only how sure they are.
    let read = report.schedule.map { StyledText.hint("; cache read ") + StyledText($0) }
    let counted = cut + .hint("; \(Quantity.grouped(report.tokens)) tokens")
    buffer.line(
      oneOf: read.map {
        [counted + $0, cut + $0, .dim("cache read ") + StyledText(report.schedule ?? "")]
      }
        ?? [counted, cut], in: room.row(row), look: look)
    let recipe: StyledText = .dim("recipe     ") + StyledText(report.recipe)
    let inputs = Self.inputs(report)
    buffer.line(
      oneOf: [
        recipe + .hint("  text: \(report.text)") + inputs, recipe + inputs,
        inputs.width == 0 ? recipe : inputs,
      ], in: room.row(row + 1), look: look)
  }

  /// The ratio of perplexities, whose error leaves out what both models find hard.
  private static func ratio(_ figures: FieldFigures, _ report: EvaluationReport) -> [StyledText] {
    let ln: StyledText =
      .dim("ln ratio   ")
      + StyledText(Quantity.signed(figures.lnRatio.mean, 4))
      + StyledText(
        report.windows > 1 ? " ± \(Quantity.fixed(figures.lnRatio.error, 4))" : "")
    return [ln + .hint("  of perplexities, errors paired"), ln + .hint("  paired"), ln]
  }

  private static func agreement(
    _ figures: FieldFigures?, _ report: EvaluationReport
  ) -> [StyledText] {
    let top: StyledText =
      .dim("top-1 same ")
      + .strong(Quantity.percent(report.topOneAgreement, 1))
      + StyledText(
        report.windows > 1 ? " ± \(Quantity.fixed(report.topOneAgreementError * 100, 1))" : "")
    guard let flips = figures?.flips else {
      return [
        top + .hint("  the most likely token is the baseline's"),
        top + .hint("  most likely token"), top,
      ]
    }
    let p = Quantity.significant(flips.p, 2)
    let both = "\(Quantity.grouped(flips.lost)) lost, \(Quantity.grouped(flips.gained)) gained"
    return [
      top + .hint("  right tokens: ") + StyledText(both) + .hint(" (McNemar exact p \(p))"),
      top + .hint("  right: ") + StyledText(both) + .hint(" (p \(p))"),
      top + "  " + StyledText(both),
      top + .hint("  right ") + StyledText("-\(flips.lost) +\(flips.gained)"), top,
    ]
  }

  private static func probability(
    _ figures: FieldFigures, _ report: EvaluationReport
  ) -> [StyledText] {
    let change = figures.probability
    let mean: StyledText =
      .dim("right p    ") + StyledText(Quantity.signedPercent(change.mean.mean, 2))
      + .hint(" mean, ") + StyledText(Quantity.percent(change.rms.mean, 2)) + .hint(" RMS")
    let low = change[0.01].map {
      StyledText.hint("; 1 % of tokens lose ") + StyledText(Quantity.percent(max(0, -$0), 1))
        + .hint(" or more")
    }
    return [low.map { mean + $0 } ?? mean, mean]
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
      buffer.line(.hint("a continues the prompt with both models."), in: room, look: look)
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
