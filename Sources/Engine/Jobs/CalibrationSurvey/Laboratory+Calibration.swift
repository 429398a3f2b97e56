import Models
import Operators
import Platform
import Quantization
import Tensors

extension Laboratory {
  /// Errors on held-out windows as more of the calibration text is used, and what halves of it agree on.
  func surveyCalibration(
    _ recipe: Recipe, _ calibration: CalibrationOptions, _ reporter: JobReporter
  ) throws -> CalibrationSurvey {
    let bench = try bench(for: "surveying the calibration text")
    let windows = try calibrationWindows(bench, calibration)
    guard windows.count >= CalibrationProbe.fewestWindows else {
      throw EngineError.tooFewWindows(
        found: windows.count, needed: CalibrationProbe.fewestWindows)
    }
    let probe = CalibrationProbe(
      recipe: recipe, model: bench.model, windows: windows, context: try makeContext())
    let start = Machine.seconds()
    var survey = CalibrationSurvey(
      recipe: recipe, text: calibration.text ?? "the built-in calibration text",
      blocks: probe.blocks, heldOut: probe.heldOut, roundedError: 0, points: [])
    try probe.run(
      pause: reporter.checkpoint,
      progress: { what, done, total in
        reporter.progress(what, done: done, of: total, unit: "steps", since: start)
      }
    ) { rounded, points in
      survey.roundedError = rounded
      survey.points = points
      reporter.emit(.surveyed(id: reporter.id, survey: survey))
    }
    return survey
  }
}
