import Engine
import Evaluation
import Wording

/// The figures of a quality report as `evaluate` prints them, a line each.
struct QualityLines {
  let report: EvaluationReport

  /// Perplexity first, then what it comes from.
  var all: [String] { perplexity + divergence + agreement + changes }

  /// A figure with its error bar, where there is more than one window to take it from.
  private func figure(_ value: Double, _ error: Double, _ digits: Int, signed: Bool = false)
    -> String
  {
    (signed ? Quantity.signed(value, digits) : Quantity.fixed(value, digits))
      + (report.windows > 1 ? " +- \(Quantity.fixed(error, digits))" : "")
  }

  private func share(_ value: Estimate, signed: Bool = false) -> String {
    (signed ? Quantity.signedPercent(value.mean, 3) : Quantity.percent(value.mean, 3))
      + (report.windows > 1 ? " +- \(Quantity.percent(value.error, 3))" : "")
  }

  private var perplexity: [String] {
    let base = report.baseline
    var lines = [
      "  perplexity      \(figure(report.perplexity, report.perplexityError, 4))   "
        + (base.storedAs == nil ? "baseline " : "")
        + "\(base.name) \(figure(base.perplexity, base.perplexityError, 4))"
    ]
    guard let figures = report.figures else { return lines }
    let ln = figures.lnRatio
    lines += [
      "  ln(PPL ratio)   \(figure(ln.mean, ln.error, 6, signed: true))   ratio "
        + figure(figures.ratio.mean, figures.ratio.error, 6) + ", difference "
        + figure(figures.difference.mean, figures.difference.error, 4, signed: true)
    ]
    return lines
  }

  private var divergence: [String] {
    let kl = report.kl
    let points = [
      ("median", kl.median), ("90 %", kl.p90), ("95 %", kl.p95), ("99 %", kl.p99),
      ("99.9 %", kl.p999), ("max", kl.max),
    ]
    return [
      "  KL divergence   \(figure(kl.mean, kl.error, 6)) nats   "
        + points.compactMap { name, value in value.map { "\(name) \(Quantity.significant($0))" } }
        .joined(separator: ", "),
      "  noise floor     \(Quantity.significant(report.noiseFloor.klMean)) nats (this program's BF16 against F32)",
      "                  \(NoiseFloorWords.others)",
    ]
  }

  private var agreement: [String] {
    var lines = [
      "  top-1 agreement \(Quantity.percent(report.topOneAgreement, 2))"
        + (report.windows > 1 ? " +- \(Quantity.percent(report.topOneAgreementError, 2))" : "")
    ]
    if let flips = report.figures?.flips {
      lines += [
        "  flips           \(flips.lost) right -> wrong, \(flips.gained) wrong -> right of "
          + "\(flips.tokens) tokens; p = \(Quantity.significant(flips.p, 2)) (\(PairedTest.name))"
      ]
    }
    return lines
  }

  private var changes: [String] {
    guard let change = report.figures?.probability else { return [] }
    let points = change.percentiles.map { point in
      let name =
        point.share == 0
        ? "min"
        : point.share == 1
          ? "max"
          : point.share == 0.5
            ? "median" : Quantity.trimmed(Quantity.percent(point.share, 1))
      return "\(name) \(Quantity.signedPercent(point.change, 2))"
    }
    return [
      "  probability     of the right token: mean \(share(change.mean, signed: true)), RMS \(share(change.rms))",
      "                  \(points.prefix(7).joined(separator: ", "))",
      "                  \(points.dropFirst(7).joined(separator: ", "))",
    ]
  }
}
