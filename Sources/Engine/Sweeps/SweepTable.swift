import Evaluation
import Serving

/// A summary as CSV (RFC 4180): the main figures of each task, numbers in full.
package struct SweepTable {
  private let summary: SweepSummary

  package init(_ summary: SweepSummary) { self.summary = summary }

  private static let header = [
    "id", "model", "recipe", "text", "protocol", "workload", "tokens", "perplexity",
    "perplexity_error", "kl", "kl_error", "kl_p999", "ln_ratio", "ln_ratio_error", "top1",
    "top1_error", "weight_bytes", "kv_bytes_per_token", "baseline_perplexity", "noise_floor_kl",
    "first_token_p50", "first_token_p99", "per_token_p50", "per_token_p99", "whole_p50",
    "whole_p99", "tokens_per_second", "preemptions", "largest_rate",
  ]

  package var csv: String {
    ([Self.header] + summary.rows.map(cells)).map {
      $0.map(Self.cell).joined(separator: ",") + "\n"
    }
    .joined()
  }

  private func cells(_ row: SweepSummary.Row) -> [String] {
    [row.id, row.model, row.recipe, row.text ?? "", row.protocol ?? "", row.workload ?? ""]
      + quality(row) + traffic(row)
  }

  private func quality(_ row: SweepSummary.Row) -> [String] {
    guard let report = row.evaluation else { return [String](repeating: "", count: 14) }
    return [
      "\(report.tokens)", "\(report.perplexity)", "\(report.perplexityError)", "\(report.kl.mean)",
      "\(report.kl.error)", report.kl.p999.map { "\($0)" } ?? "",
      report.figures.map { "\($0.lnRatio.mean)" } ?? "",
      report.figures.map { "\($0.lnRatio.error)" } ?? "", "\(report.topOneAgreement)",
      "\(report.topOneAgreementError)", "\(report.weightBytes)", "\(report.kvBytesPerToken)",
      "\(report.baseline.perplexity)", "\(report.noiseFloor.klMean)",
    ]
  }

  /// Of the recipe, which comes after full precision.
  private func traffic(_ row: SweepSummary.Row) -> [String] {
    guard let side = row.traffic?.sides.last else { return [String](repeating: "", count: 9) }
    let report = side.simulated
    return [
      "\(report.firstToken.median)", "\(report.firstToken.p99)", "\(report.perToken.median)",
      "\(report.perToken.p99)", "\(report.whole.median)", "\(report.whole.p99)",
      "\(report.tokenRate)", "\(report.preemptions)", side.largest.map { "\($0.rate)" } ?? "",
    ]
  }

  private static func cell(_ text: String) -> String {
    guard text.contains(where: { ",\"\n\r".contains($0) }) else { return text }
    return "\"" + text.replacing("\"", with: "\"\"") + "\""
  }
}
