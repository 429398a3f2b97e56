import Models
import Operators
import Platform
package import Quantization
import Tensors

/// Plants outliers in the model as it was read, without changing what it computes, or takes them out, and measures what that
/// changed.
///
/// What was quantized is dropped.
package struct PlantingJob: Job {
  /// nil takes them out.
  package var planting: OutlierPlanting?

  package init(planting: OutlierPlanting?) { self.planting = planting }

  package static let name = "planting"
  package static let staleAfter: Set<Change> = [.modelOpened]
  package static var changes: Change? { .modelChanged }

  package var title: String {
    planting.map { "Planting outliers: \($0)" } ?? "Taking planted outliers out"
  }
  package var words: String {
    planting.map { "plant outliers: \($0)" } ?? "take planted outliers out"
  }
  package func news(of report: PlantingReport) -> String? {
    report.planting.map { "Outliers: \($0)" } ?? "Planted outliers taken out"
  }

  /// Windows on which columns are counted.
  private static let countedWindows = 4

  /// - Throws: `PlantingError`; `EngineError.cannotPlant` for an artifact.
  package func run(
    in laboratory: Laboratory, reporting reporter: JobReporter<Never>
  ) throws -> PlantingReport {
    var held = try laboratory.openModel(for: "planting outliers")
    guard held.summary.isRewritable else {
      throw EngineError.cannotPlant(
        model: held.summary.name, reason: "it is quantized; open the model it was made from")
    }
    if let words = held.decodedWords { reporter.log(words) }
    let planting = planting.flatMap { $0.factor > 1 ? $0 : nil }
    let plain = try held.rewritable()
    let start = Machine.seconds()
    reporter.progress(
      planting.map { "\($0)" } ?? "taking outliers out", done: 0, of: 2, unit: "steps",
      since: start)
    let model = try planting?.planted(in: plain) ?? plain
    let windows = try laboratory.calibrationWindows(
      held, CalibrationOptions(samples: Self.countedWindows))
    let context = try laboratory.makeContext()
    try reporter.checkpoint()
    let compared = try Laboratory.difference(plain, model, on: windows[0], context)
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
    var recipe = held.transformed
    recipe.set(OutlierPlanting.self, planting)
    let isAlone = recipe.transforms.count <= (planting == nil ? 0 : 1)
    let made =
      try isAlone
      ? (planting == nil ? held.reference : model)
      : held.changed(by: recipe, pool: laboratory.pool, pause: reporter.checkpoint)
    held.become(made, recipe)
    laboratory.hold(held)
    return PlantingReport(
      summary: held.summary, planting: planting,
      channels: try planting?.chosen(in: plain) ?? [], logitDifference: compared.largest,
      logits: compared.count, columns: after.all, atSixBefore: before.six, atSixAfter: after.six)
  }
}
