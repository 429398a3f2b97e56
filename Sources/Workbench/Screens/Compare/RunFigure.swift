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
    switch self {
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
