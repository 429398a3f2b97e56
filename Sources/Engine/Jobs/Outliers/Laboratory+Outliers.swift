import Models
import Operators
import Platform
import Quantization
import Tensors

extension Laboratory {
  /// Windows on which columns are counted when outliers are planted.
  private static let countedWindows = 4

  /// Where activations stand out over the calibration text, and what a recipe that moves scale leaves of it.
  func surveyOutliers(
    _ recipe: Recipe, _ calibration: CalibrationOptions, thresholds: [Double],
    _ reporter: JobReporter
  ) throws -> OutlierSurvey {
    let bench = try bench(for: "surveying outliers")
    let windows = try calibrationWindows(bench, calibration)
    let start = Machine.seconds()
    let blocks = bench.model.blocks.count
    let found = try OutlierProbe(
      bench.model, recipe: recipe, windows: windows, context: makeContext()
    ).run(pause: reporter.checkpoint) { done, share in
      reporter.progress(
        "inputs of block \(done + 1) of \(blocks)", done: done, of: blocks, unit: "blocks",
        since: start, share: share)
    }
    return OutlierSurvey(
      found, model: bench.summary.label, recipe: recipe,
      text: calibration.text ?? "the built-in calibration text", windows: windows,
      thresholds: thresholds)
  }

  /// Plants outliers in the model as it was read, or takes them out, and measures what that changed.
  ///
  /// - Throws: `PlantingError`; `EngineError.cannotPlant` for an artifact.
  func plant(_ planting: OutlierPlanting?, _ reporter: JobReporter) throws -> PlantingReport {
    var bench = try bench(for: "planting outliers")
    guard bench.summary.recipe == nil else {
      throw EngineError.cannotPlant(
        model: bench.summary.name, reason: "it is quantized; open the model it was made from")
    }
    let planting = planting.flatMap { $0.factor > 1 ? $0 : nil }
    let plain = bench.reference
    let start = Machine.seconds()
    reporter.progress(
      planting.map { "\($0)" } ?? "taking outliers out", done: 0, of: 2, unit: "steps",
      since: start)
    let model = try planting?.planted(in: plain) ?? plain
    let windows = try calibrationWindows(bench, CalibrationOptions(samples: Self.countedWindows))
    let context = try makeContext()
    try reporter.checkpoint()
    let compared = try Self.difference(plain, model, on: windows[0], context)
    reporter.progress("counting columns", done: 1, of: 2, unit: "steps", since: start)
    func columns(_ model: Model) throws -> (six: Int, all: Int) {
      let found = try OutlierProbe(model, windows: windows, context: context)
        .run(pause: reporter.checkpoint)
      return (
        found.reduce(0) { $0 + $1.statistics.columns(reaching: OutlierSurvey.six) },
        found.reduce(0) { $0 + $1.statistics.columns }
      )
    }
    let before = try columns(plain)
    let after = planting == nil ? before : try columns(model)
    // A rotation stays, on top of what is planted now.
    bench.model =
      try bench.rotation?.rotated(model, pool: pool, pause: reporter.checkpoint) ?? model
    bench.plain = planting == nil && bench.rotation == nil ? nil : plain
    bench.planting = planting
    bench.summary.planted = planting.map { "\($0)" }
    bench.forgetResults()
    hold(bench)
    return PlantingReport(
      summary: bench.summary, planting: planting,
      channels: try planting?.chosen(in: plain) ?? [], logitDifference: compared.largest,
      logits: compared.count, columns: after.all, atSixBefore: before.six, atSixAfter: after.six)
  }

  /// The largest difference of the logits of two models behind every token of a window, and the largest logit of the first.
  static func difference(
    _ first: Model, _ second: Model, on window: [Int32], _ context: ExecutionContext,
    cache: KVFormatPair = .fp16
  ) throws -> (largest: Double, count: Int, size: Double) {
    func logits(_ model: Model) throws -> Logits {
      try model.forward(
        tokens: window, cache: model.makeCache(cache), context: context, logits: .all)
    }
    let (left, right) = (try logits(first), try logits(second))
    var largest = 0.0
    var size = 0.0
    for token in window.indices {
      for (one, other) in zip(left[token], right[token]) {
        let difference = Double((one - other).magnitude)
        largest = difference.isNaN ? .infinity : max(largest, difference)
        size = max(size, Double(one.magnitude))
      }
    }
    return (largest, window.count * left.vocabulary, size)
  }
}
