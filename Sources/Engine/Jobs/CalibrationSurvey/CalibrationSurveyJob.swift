import Models
import Operators
import Platform
package import Quantization
import Tensors

/// Errors on held-out windows as more of the calibration text is used, and what halves of it agree on.
package struct CalibrationSurveyJob: Job {
  package var recipe: Recipe
  package var calibration: CalibrationOptions

  package init(recipe: Recipe, calibration: CalibrationOptions) {
    self.recipe = recipe
    self.calibration = calibration
  }

  package static let name = "calibration-survey"
  package static let startsOver = true
  package static let staleAfter: Set<Change> = [.modelOpened, .modelChanged]

  package var title: String { "Surveying the calibration text" }
  package var words: String { "survey the calibration text" }
  package func news(of survey: CalibrationSurvey) -> String? {
    "Calibration text surveyed: the error is \(survey.verdict)"
  }

  /// The survey so far, with another point.
  package typealias Part = CalibrationSurvey

  package func fold(_ part: CalibrationSurvey, into report: inout CalibrationSurvey?) {
    report = part
  }

  package func run(
    in laboratory: Laboratory, reporting reporter: JobReporter<CalibrationSurvey>
  ) throws -> CalibrationSurvey {
    let (held, recipe) = try laboratory.openModel(
      for: "surveying the calibration text", as: recipe, pause: reporter.checkpoint)
    let windows = try laboratory.calibrationWindows(held, calibration)
    guard windows.count >= CalibrationProbe.fewestWindows else {
      throw EngineError.tooFewWindows(
        found: windows.count, needed: CalibrationProbe.fewestWindows)
    }
    let probe = CalibrationProbe(
      recipe: recipe, model: held.model, windows: windows, context: try laboratory.makeContext())
    let start = Machine.seconds()
    var survey = CalibrationSurvey(
      recipe: recipe, text: calibration.text ?? "the built-in calibration text",
      blocks: probe.blocks, heldOut: probe.heldOut, roundedError: 0, points: [],
      model: held.summary.label)
    try probe.run(
      pause: reporter.checkpoint,
      progress: { what, done, total in
        reporter.progress(what, done: done, of: total, unit: "steps", since: start)
      }
    ) { rounded, points in
      survey.roundedError = rounded
      survey.points = points
      reporter.tell(survey)
    }
    return survey
  }
}
