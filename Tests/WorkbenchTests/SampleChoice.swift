import Engine
import Evaluation
import Models
import Planning
import Quantization

/// What a choice on a small model might come to.
enum SampleChoice {
  static func report(_ options: ChooseOptions) -> ChooseReport {
    var report = ChooseReport(
      model: "tales-5M (built-in)", machine: "a processor", options: options, resource: .time,
      reason: "Prefill is bound by arithmetic.", targets: [.activations, .weights],
      text: "the built-in evaluation text", windowTokens: 512, calibrationText: "the built-in text",
      planChange: "Shorter prompts move the time to reading weights.")
    report.settle(baseline, rows)
    return report
  }

  static var baseline: ChooseReport.Row {
    var row = ChooseReport.Row(
      recipe: .baseline, standing: .finalist, weightBytes: 10_800_000, cacheBytes: 4_194_304,
      predictedSeconds: 0.5)
    row.timing = timing(1, 0.99, 1.01)
    row.isWithin = true
    return row
  }

  private static func timing(_ median: Double, _ low: Double, _ high: Double)
    -> WorkloadTimes
  {
    let spread = WorkloadTimes.Spread(median: median, low: low, high: high)
    return WorkloadTimes(
      request: 0.5 / median, promptSeconds: 0.2 / median, stepSeconds: 0.002 / median,
      speedup: spread, promptSpeedup: spread, stepSpeedup: spread, promptRate: 4000 * median,
      decodeRate: 900 * median)
  }

  /// Four candidates: one to recommend, one over the limit, one that left and one that cannot be.
  static var rows: [ChooseReport.Row] {
    func row(
      _ recipe: Recipe, _ standing: ChooseReport.Standing, kl: Double?, reason: String = "",
      timing: WorkloadTimes? = nil
    ) -> ChooseReport.Row {
      var row = ChooseReport.Row(
        recipe: recipe, standing: standing, reason: reason, weightBytes: 6_100_000,
        cacheBytes: 4_194_304, predictedSeconds: 0.3)
      row.kl = kl.map { Estimate(mean: $0, error: $0 / 12) }
      row.perplexity = kl.map { Estimate(mean: 3.1 + $0, error: 0.1) }
      row.topOne = kl.map { 1 - $0 * 3 }
      row.windows = kl == nil ? 0 : standing == .left ? 4 : 32
      row.isWithin = kl.map { $0 <= 0.02 }
      row.timing = timing
      return row
    }
    return [
      row(
        Recipe(activations: MethodChoice(method: "int8")), .finalist, kl: 0.0042,
        timing: timing(1.62, 1.58, 1.66)),
      row(
        Recipe(weights: MethodChoice(method: "rtn", options: ["bits": .integer(4)])), .untimed,
        kl: 0.031),
      row(
        Recipe(activations: MethodChoice(method: "fp8")), .left, kl: 0.09,
        reason: "worse than activations int8 in quality, and no better in what is chosen by"),
      row(
        Recipe(weights: MethodChoice(method: "gptq")), .refused, kl: nil,
        reason: "weights and cache take 14 MB, more than 12 MB"),
    ]
  }
}
