import Engine
import TerminalUI
import Wording

extension ErrorMap.Metric {
  /// The metric's name with its unit.
  var words: String {
    switch self {
    case .relativeError: "relative output error"
    case .weightError: "relative weight error"
    case .sqnr: "SQNR in dB"
    case .cosine: "cosine of outputs"
    case .aloneKL: "KL when alone quantized"
    case .absoluteMaximum: "largest activation"
    case .rawLoss: "GPTQ's own sum"
    }
  }

  /// The metric in a word or two.
  var shortWords: String {
    switch self {
    case .relativeError: "rel. error"
    case .weightError: "weights"
    case .sqnr: "SQNR dB"
    case .cosine: "cosine"
    case .aloneKL: "KL alone"
    case .absoluteMaximum: "largest"
    case .rawLoss: "GPTQ's sum"
    }
  }

  /// What it means, in a few words.
  var meaning: String {
    switch self {
    case .relativeError: "share of the output's energy that is lost; lower is better"
    case .weightError: "the same share of the weights themselves, whatever the text"
    case .sqnr: "signal over quantization noise; higher is better, 20 dB is 1 %"
    case .cosine: "1 when outputs point the same way; higher is better"
    case .aloneKL: "how far next-token probabilities move by this cell alone"
    case .absoluteMaximum: "outliers stretch the range that 8 bits must cover"
    case .rawLoss: "what GPTQ prints as its error; says nothing across layers"
    }
  }

  /// A value of the metric.
  func text(_ value: Double) -> String {
    switch self {
    case .sqnr: Quantity.fixed(value, 1)
    case .cosine: Quantity.fixed(value, 5)
    default: Quantity.significant(value)
    }
  }

  /// Whether large values are the bad ones.
  var isWorseWhenLarger: Bool { self != .sqnr && self != .cosine }
}
