import Evaluation
import Models
import Operators
import Platform
import Quantization
import Tensors

extension Laboratory {
  /// Windows on which the KL of a rotated model is taken.
  private static let comparedWindows = 4
  /// Larger models are not rotated a second time in float32, only to show that nothing changed.
  private static let exactBytes = 1 << 30

  /// Rotates the residual stream of the model as it was read, planted outliers included, or turns it back, and measures what
  /// that changed.
  ///
  /// - Throws: `RotationError`; `EngineError.cannotRotate` for an artifact.
  func rotate(_ rotation: ResidualRotation?, _ reporter: JobReporter) throws -> RotationReport {
    var bench = try bench(for: "rotating the residual stream")
    guard bench.summary.recipe == nil else {
      throw EngineError.cannotRotate(
        model: bench.summary.name, reason: "it is quantized; open the model it was made from")
    }
    let start = Machine.seconds()
    func progress(_ phase: String, _ done: Int) {
      reporter.progress(phase, done: done, of: 4, unit: "steps", since: start)
    }
    progress(rotation == nil ? "turning the rotation back" : "rotating the weights", 0)
    let plain = bench.reference
    let base = try bench.planting?.planted(in: plain) ?? plain
    func rotated(_ type: DType?) throws -> Model {
      try rotation?.rotated(base, storedAs: type, pool: pool, pause: reporter.checkpoint) ?? base
    }
    let model = try rotated(nil)
    let windows = try calibrationWindows(
      bench, CalibrationOptions(samples: Self.comparedWindows))
    let context = try makeContext()
    var report = RotationReport(
      summary: bench.summary, rotation: rotation,
      kind: rotation?.kind(in: model) ?? "residual stream: as it was read")
    if let rotation {
      progress("comparing logits in float32", 1)
      if base.linearBytes <= Self.exactBytes {
        let found = try Self.difference(
          base.with(precision: .f32), rotated(.f32).with(precision: .f32), on: windows[0],
          context, cache: .fp32)
        report.exact = .init(
          logits: found.count, difference: found.largest, largest: found.size)
      }
      progress("KL of \(rotation) in BF16", 2)
      let text = try evaluationWindows(bench, count: Self.comparedWindows)
      report.kl = try statistics(bench, model, .fp16, text, reporter).divergence.mean
    }
    progress("surveying inputs", 3)
    func reach(_ model: Model) throws -> Double {
      let found = try OutlierProbe(model, windows: windows, context: context)
        .run(pause: reporter.checkpoint)
      return OutlierSurvey(found, model: "", recipe: .baseline, text: "", windows: windows)
        .ratios.worst
    }
    report.reachBefore = OutlierSurvey.Reach.short(try reach(base))
    report.reachAfter =
      rotation == nil ? report.reachBefore : OutlierSurvey.Reach.short(try reach(model))
    bench.model = model
    bench.plain = rotation == nil && bench.planting == nil ? nil : plain
    bench.rotation = rotation
    bench.summary.rotated = rotation.map { "\($0)" }
    bench.summary.shape = model.configuration.shape
    bench.forgetResults()
    hold(bench)
    report.summary = bench.summary
    return report
  }
}
