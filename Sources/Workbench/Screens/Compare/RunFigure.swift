import Engine
import Evaluation
import Profiling
import TerminalUI
import Wording

/// A number by which runs are compared.
package enum RunFigure: String, Hashable, Sendable, CaseIterable {
  case weightBytes, cacheBytes, perplexity, lnRatio, divergence, worst, agreement, prefillRate,
    decodeRate

  var next: RunFigure {
    let all = Self.allCases
    return all[((all.firstIndex(of: self) ?? 0) + 1) % all.count]
  }

  /// A column head.
  var title: String {
    switch self {
    case .weightBytes: "weights"
    case .cacheBytes: "KV/token"
    case .perplexity: "perplexity"
    case .lnRatio: "ln ratio"
    case .divergence: "KL"
    case .worst: "KL 99.9 %"
    case .agreement: "top-1"
    case .prefillRate: "prefill/s"
    case .decodeRate: "decode/s"
    }
  }

  /// Whether it is measured on a text, by a protocol: under another one it is another figure.
  var isQuality: Bool { [.perplexity, .lnRatio, .divergence, .worst, .agreement].contains(self) }

  var isBetterWhenLarger: Bool {
    self == .agreement || self == .prefillRate || self == .decodeRate
  }

  /// The figure of a run; nil when it was not measured.
  func value(_ run: RunRecord) -> Double? {
    if let row = run.chosenRow, run.evaluation == nil { return value(row) }
    return switch self {
    case .weightBytes:
      (run.bench?.quantized.weightBytes ?? run.evaluation?.weightBytes ?? run.quantize?.outputBytes)
        .map(Double.init)
    case .cacheBytes:
      (run.bench?.quantized.kvBytesPerToken ?? run.evaluation?.kvBytesPerToken
        ?? run.quantize?.kvBytesPerToken).map(Double.init)
    case .perplexity: run.evaluation?.perplexity
    case .lnRatio: run.evaluation?.figures?.lnRatio.mean
    case .divergence: run.evaluation?.kl.mean
    case .worst: run.evaluation?.kl.p999
    case .agreement: run.evaluation?.topOneAgreement
    case .prefillRate: run.bench?.quantized.prefill.tokensPerSecond
    case .decodeRate: run.bench?.quantized.decode.tokensPerSecond
    }
  }

  /// The figure of what a choice recommended.
  private func value(_ row: ChooseReport.Row) -> Double? {
    switch self {
    case .weightBytes: row.weightBytes
    case .cacheBytes, .lnRatio, .worst: nil
    case .perplexity: row.perplexity?.mean
    case .divergence: row.kl?.mean
    case .agreement: row.topOne
    case .prefillRate: row.timing?.promptRate
    case .decodeRate: row.timing?.decodeRate
    }
  }

  /// The error bar of a run's figure; empty where it has none.
  func margin(_ run: RunRecord) -> String {
    guard let report = run.evaluation else { return "" }
    return switch self {
    case .perplexity: Quantity.margin(report.perplexityError, windows: report.windows)
    case .divergence where report.kl.error > 0:
      Quantity.margin(report.kl.error, windows: report.windows)
    default: ""
    }
  }

  func text(_ value: Double) -> String {
    switch self {
    case .weightBytes, .cacheBytes: Quantity.bytes(value)
    case .perplexity: Quantity.perplexity(value)
    case .lnRatio: Quantity.signed(value, 4)
    case .divergence, .worst: Quantity.significant(value)
    case .agreement: Quantity.percent(value, 1)
    case .prefillRate, .decodeRate: Quantity.significant(value)
    }
  }
}

extension RunRecord {
  /// What a choice recommended; nil where the run is no choice.
  var chosenRow: ChooseReport.Row? {
    choice.flatMap { choice in choice.winner.map { choice.rows[$0] } }
  }
}
