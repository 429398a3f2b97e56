import Models
import Operators
import Platform
package import Quantization
import Tensors

/// Where activations stand out over the calibration text, and what a recipe that moves scale leaves of it.
package struct OutliersJob: Job {
  package var recipe: Recipe
  package var calibration: CalibrationOptions
  /// Columns are counted at these too.
  package var thresholds: [Double]

  package init(recipe: Recipe, calibration: CalibrationOptions, thresholds: [Double]) {
    self.recipe = recipe
    self.calibration = calibration
    self.thresholds = thresholds
  }

  package static let name = "outliers"
  package static let startsOver = true
  package static let staleAfter: Set<Change> = [.modelOpened, .modelChanged]

  package var title: String { "Surveying outliers of the activations" }
  package var words: String { "survey outliers of the activations" }
  package func news(of survey: OutlierSurvey) -> String? {
    "Outliers surveyed over \(survey.tokens) tokens"
  }

  package func run(
    in laboratory: Laboratory, reporting reporter: JobReporter<Never>
  ) throws -> OutlierSurvey {
    let (held, recipe) = try laboratory.openModel(
      for: "surveying outliers", as: recipe, pause: reporter.checkpoint)
    let windows = try laboratory.calibrationWindows(held, calibration)
    let start = Machine.seconds()
    let blocks = held.model.blocks.count
    let found = try OutlierProbe(
      held.model, recipe: recipe, windows: windows, context: laboratory.makeContext()
    ).run(pause: reporter.checkpoint) { done, share in
      reporter.progress(
        "inputs of block \(done + 1) of \(blocks)", done: done, of: blocks, unit: "blocks",
        since: start, share: share)
    }
    return OutlierSurvey(
      found, model: held.summary.label, recipe: recipe,
      text: calibration.text ?? "the built-in calibration text", windows: windows,
      thresholds: thresholds)
  }
}
