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
    case .cosine: "1 - cosine of outputs"
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
    case .cosine: "1 - cos"
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
    case .cosine: "0 when outputs point the same way; lower is better"
    case .aloneKL: "how far next-token probabilities move by this cell alone"
    case .absoluteMaximum: "outliers stretch the range that 8 bits must cover"
    case .rawLoss: "what GPTQ prints as its error; says nothing across layers"
    }
  }

  /// A value as it is shown: of a cosine what it lacks of one, since only that differs from layer to layer.
  func shown(_ value: Double) -> Double { self == .cosine ? max(0, 1 - value) : value }

  /// A value of the metric.
  func text(_ value: Double) -> String {
    self == .sqnr ? Quantity.fixed(value, 1) : Quantity.significant(shown(value))
  }

  /// What rounding inputs and results to BF16 alone leaves of a value as it is shown; nil where that is not known.
  ///
  /// Numbers with 8 significant bits are off by 2^-9 of themselves at most, evenly: a third of that squared is the share of
  /// energy, and half of it what a cosine lacks of one.
  var roundingFloor: Double? {
    let share = 0x1p-18 / 3
    return switch self {
    case .relativeError: share
    case .cosine: share / 2
    case .weightError, .sqnr, .aloneKL, .absoluteMaximum, .rawLoss: nil
    }
  }

  /// Whether large values, as they are shown, are the bad ones.
  var isWorseWhenLargerShown: Bool { self != .sqnr }

  /// Whether large values are the bad ones.
  var isWorseWhenLarger: Bool { self != .sqnr && self != .cosine }
}
