import Evaluation
import Operators
import Profiling
import Quantization

extension Receipt.Figure {
  /// A number that is the same each time.
  fileprivate static func exact(_ name: String, _ value: Int, _ unit: String) -> Self {
    Self(
      name: name, value: Double(value), unit: unit, low: Double(value), high: Double(value),
      basis: .exact)
  }

  /// A mean over windows; no interval of one window.
  fileprivate static func sampled(
    _ name: String, _ value: Double, _ error: Double, windows: Int, _ unit: String
  ) -> Self {
    let has = windows > 1 && error.isFinite
    return Self(
      name: name, value: value, unit: unit, low: has ? value - 2 * error : nil,
      high: has ? value + 2 * error : nil, basis: .windows)
  }

  fileprivate static func timed(_ name: String, _ rate: BenchReport.Rate) -> Self {
    Self(
      name: name, value: rate.tokensPerSecond, unit: "tok/s", low: rate.lower ?? rate.lowest,
      high: rate.upper ?? rate.highest, basis: .rounds)
  }

  /// A phase's time at the machine's limits over the time it took; nil where the limits were not taken next to it.
  fileprivate static func share(_ phase: String, _ share: LimitShare?) -> Self? {
    share.map {
      Self(
        name: "\(phase), share of the machine's limit", value: $0.share,
        unit: "of \($0.limit.label)",
        low: $0.lower, high: $0.upper, basis: .rounds)
    }
  }

  fileprivate static func timed(_ name: String, _ spread: WorkloadTimes.Spread) -> Self {
    Self(
      name: name, value: spread.median, unit: "times", low: spread.low, high: spread.high,
      basis: .rounds)
  }

  fileprivate static func computed(_ name: String, _ value: Double, _ unit: String) -> Self {
    Self(
      name: name, value: value, unit: unit, low: value * 0.99, high: value * 1.01,
      basis: .computed)
  }
}

extension RunRecord {
  /// All figures that its receipt states.
  var figures: [Receipt.Figure] {
    (quantize?.figures ?? []) + (evaluation?.stated ?? []) + asked + (bench?.figures ?? [])
      + (workload?.figures ?? []) + (choice?.figures ?? [])
  }
}

extension QuantizeReport {
  fileprivate var figures: [Receipt.Figure] {
    var figures: [Receipt.Figure] = [
      .exact("bytes of all weights", outputBytes, "bytes"),
      .exact("bytes of a cached token", kvBytesPerToken, "bytes"),
    ]
    if let worst = layers.max(by: { $0.relativeError < $1.relativeError }), worst.relativeError > 0
    {
      figures.append(
        .computed(
          "relative error of the worst layer (\(worst.block).\(worst.projection))",
          worst.relativeError, ""))
    }
    return figures
  }
}

extension RunRecord {
  /// Answers, which are counted.
  fileprivate var asked: [Receipt.Figure] {
    var figures: [Receipt.Figure] = []
    if let recall {
      figures.append(
        .exact("answers recalled through the cache", recall.quantizedShare.right, "answers"))
    }
    for score in tasks?.scores ?? [] {
      figures.append(
        .exact("\(score.name) on \(tasks?.task ?? "")", score.quantized.right, "items"))
    }
    return figures
  }
}

extension EvaluationReport {
  fileprivate var stated: [Receipt.Figure] {
    [
      .exact("tokens scored", tokens, "tokens"),
      .sampled("perplexity", perplexity, perplexityError, windows: windows, ""),
      .sampled(
        "perplexity of the baseline", baseline.perplexity, baseline.perplexityError,
        windows: windows, ""),
      .sampled("KL divergence", kl.mean, kl.error, windows: windows, "nats"),
      .sampled(
        "top-1 agreement", topOneAgreement, topOneAgreementError, windows: windows, ""),
    ]
  }
}

extension BenchReport {
  fileprivate var figures: [Receipt.Figure] {
    var figures: [Receipt.Figure] = [
      .exact("bytes of weights as they run", quantized.weightBytes, "bytes"),
      .timed("prefill", quantized.prefill), .timed("decode", quantized.decode),
    ]
    figures += [
      .share("prefill", quantized.prefillLimit), .share("decode", quantized.decodeLimit),
    ].compactMap(\.self)
    if let baseline {
      figures += [
        .timed("prefill of the baseline", baseline.prefill),
        .timed("decode of the baseline", baseline.decode),
      ]
    }
    return figures
  }
}

extension WorkloadReport {
  fileprivate var figures: [Receipt.Figure] {
    guard !isDescribed else { return [] }
    return [
      .timed("a prompt, as fast", quantized.times.promptSpeedup),
      .timed("a step, as fast", quantized.times.stepSpeedup),
      .timed("a request, as fast", quantized.times.speedup),
    ]
  }
}

extension ChooseReport {
  fileprivate var figures: [Receipt.Figure] {
    rows.flatMap { row -> [Receipt.Figure] in
      var figures: [Receipt.Figure] = []
      if let kl = row.kl {
        figures.append(
          .sampled(
            "KL of \(row.recipe) after \(row.windows) windows", kl.mean, kl.error,
            windows: row.windows, "nats"))
      }
      if let timing = row.timing, timed != nil, !row.recipe.isBaseline {
        figures.append(.timed("\(row.recipe), as fast", timing.speedup))
      }
      return figures
    }
  }
}
