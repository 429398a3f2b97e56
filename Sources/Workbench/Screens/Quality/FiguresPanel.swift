import Engine
import Evaluation
import TerminalUI
import Wording

/// All figures of a quality report, the most telling first, so that a small screen cuts the least telling ones.
struct FiguresPanel: Widget {
  var report: EvaluationReport

  func draw(in rect: Rect, of buffer: inout CellBuffer, look: Look) {
    let room = buffer.box(
      "all figures", in: rect, look: look, trailing: .hint("against \(report.baseline.name)"))
    let percentiles = percentileRows
    let (table, rest) = room.splitTop(min(room.height, rows.count + 1))
    buffer.draw(
      Table(
        [Table.Column("figure"), Table.Column("value", .right), Table.Column("±", .right)],
        rows: rows), in: table, look: look)
    guard rest.height >= 3 else { return }
    let (_, below) = rest.splitTop(rest.height > percentiles.count + 1 ? 1 : 0)
    buffer.draw(
      Table(
        [
          Table.Column("share of tokens"), Table.Column("KL below", .right),
          Table.Column("change of p below", .right),
        ], rows: percentiles), in: below, look: look)
  }

  private func error(_ text: @autoclosure () -> String) -> StyledText {
    report.windows > 1 ? .dim(text()) : .hint("–")
  }

  private var rows: [[StyledText]] {
    let kl = report.kl
    var rows: [[StyledText]] = [
      [
        "KL, mean", .strong(Quantity.significant(kl.mean)),
        error(Quantity.significant(kl.error, 2)),
      ],
      [
        "perplexity", .strong(Quantity.perplexity(report.perplexity)),
        error(Quantity.significant(report.perplexityError, 2)),
      ],
    ]
    if let figures = report.figures { rows += related(figures) }
    rows.append([
      "top-1 same", StyledText(Quantity.percent(report.topOneAgreement, 2)),
      error(Quantity.percent(report.topOneAgreementError, 2)),
    ])
    if let figures = report.figures { rows += changed(figures) }
    return rows
  }

  private func related(_ figures: FieldFigures) -> [[StyledText]] {
    [
      [
        "ln(PPL ratio)", .strong(Quantity.signed(figures.lnRatio.mean, 5)),
        error(Quantity.fixed(figures.lnRatio.error, 5)),
      ],
      [
        "PPL ratio", StyledText(Quantity.fixed(figures.ratio.mean, 5)),
        error(Quantity.fixed(figures.ratio.error, 5)),
      ],
    ]
  }

  private func changed(_ figures: FieldFigures) -> [[StyledText]] {
    let change = figures.probability
    let flips = figures.flips
    return [
      ["flips right to wrong", StyledText("\(Quantity.grouped(flips.lost))"), ""],
      ["flips wrong to right", StyledText("\(Quantity.grouped(flips.gained))"), ""],
      ["p, McNemar exact", StyledText(Quantity.significant(flips.p, 2)), ""],
      [
        "p of right token, mean", StyledText(Quantity.signedPercent(change.mean.mean, 2)),
        error(Quantity.percent(change.mean.error, 2)),
      ],
      [
        "p of right token, RMS", StyledText(Quantity.percent(change.rms.mean, 2)),
        error(Quantity.percent(change.rms.error, 2)),
      ],
    ]
  }

  private var percentileRows: [[StyledText]] {
    let kl = report.kl
    let divergences: [Double: Double?] = [
      0.5: kl.median, 0.9: kl.p90, 0.95: kl.p95, 0.99: kl.p99, 0.999: kl.p999, 1: kl.max,
    ]
    let changes = report.figures?.probability
    let shares = changes.map { $0.percentiles.map(\.share) } ?? divergences.keys.sorted()
    return shares.map { share in
      [
        StyledText(Quantity.trimmed(Quantity.percent(share, 1))),
        (divergences[share] ?? nil).map { StyledText(Quantity.significant($0)) } ?? .hint("–"),
        changes?[share].map { StyledText(Quantity.signedPercent($0, 2)) } ?? .hint("–"),
      ]
    }
  }
}
