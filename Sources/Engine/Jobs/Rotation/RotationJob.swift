import Evaluation
import Models
import Operators
import Platform
package import Quantization
import Tensors

/// Rotates the residual stream of the model as it was read, planted outliers included, or turns it back, and measures what
/// that changed.
///
/// What was quantized is dropped.
package struct RotationJob: Job {
  /// nil turns it back.
  package var rotation: ResidualRotation?

  package init(rotation: ResidualRotation?) { self.rotation = rotation }

  package static let name = "rotation"
  package static let staleAfter: Set<Change> = [.modelOpened]
  package static var changes: Change? { .modelChanged }

  package var title: String {
    rotation == nil
      ? "Turning the residual stream back" : "Rotating the residual stream of the model"
  }
  package var words: String {
    rotation == nil ? "turn the residual stream back" : "rotate the residual stream"
  }
  package func news(of report: RotationReport) -> String? {
    report.rotation.map { "Residual stream: \($0)" } ?? "Residual stream turned back"
  }

  /// Windows on which the KL of a rotated model is taken.
  private static let comparedWindows = 4
  /// Larger models are not rotated a second time in float32, only to show that nothing changed.
  private static let exactBytes = 1 << 30

  /// - Throws: `RotationError`; `EngineError.cannotRotate` for an artifact.
  package func run(
    in laboratory: Laboratory, reporting reporter: JobReporter<Never>
  ) throws -> RotationReport {
    var held = try laboratory.openModel(for: "rotating the residual stream")
    guard held.summary.isRewritable else {
      throw EngineError.cannotRotate(
        model: held.summary.name, reason: "it is quantized; open the model it was made from")
    }
    if let words = held.decodedWords { reporter.log(words) }
    let start = Machine.seconds()
    func progress(_ phase: String, _ done: Int) {
      reporter.progress(phase, done: done, of: 4, unit: "steps", since: start)
    }
    progress(rotation == nil ? "turning the rotation back" : "rotating the weights", 0)
    var recipe = held.transformed
    recipe.set(ResidualRotation.self, nil)
    let base =
      try rotation != nil && recipe.transforms.isEmpty
      ? held.rewritable()
      : held.changed(by: recipe, pool: laboratory.pool, pause: reporter.checkpoint)
    recipe.set(ResidualRotation.self, rotation)
    func rotated(_ type: DType?) throws -> Model {
      try rotation?.rotated(base, storedAs: type, pool: laboratory.pool, pause: reporter.checkpoint)
        ?? base
    }
    let model = try rotated(nil)
    let windows = try laboratory.calibrationWindows(
      held, CalibrationOptions(samples: Self.comparedWindows))
    let context = try laboratory.makeContext()
    var report = RotationReport(
      summary: held.summary, rotation: rotation,
      kind: rotation?.kind(in: model) ?? "residual stream: as it was read")
    if let rotation {
      progress("comparing logits in float32", 1)
      if base.linearBytes <= Self.exactBytes {
        let found = try Laboratory.difference(
          base.with(precision: .f32), rotated(.f32).with(precision: .f32), on: windows[0],
          context, cache: .fp32)
        report.exact = .init(
          logits: found.count, difference: found.largest, largest: found.size)
      }
      progress("KL of \(rotation) in BF16", 2)
      let text = try laboratory.evaluationWindows(held, count: Self.comparedWindows)
      report.kl = try laboratory.statistics(held, model, .fp16, text, reporter).divergence.mean
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
    held.become(model, recipe)
    laboratory.hold(held)
    report.summary = held.summary
    return report
  }
}
