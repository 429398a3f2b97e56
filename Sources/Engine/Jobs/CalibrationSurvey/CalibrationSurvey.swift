package import Quantization
import Wording

/// Whether a calibration text is long enough: errors as more of it is used, and what two halves of it agree on.
package struct CalibrationSurvey: Hashable, Sendable, Codable {
  /// What using the first `windows` windows comes to.
  package struct Point: Hashable, Sendable, Codable {
    package var windows: Int
    package var tokens: Int
    /// Relative output error on windows that were not used, layers of the looked-at blocks taken together.
    package var error: Double
    /// The larger and the smaller error when only one half of the windows is used.
    package var halfErrors: [Double]
    /// The share of codes that come out the same from both halves.
    package var agreement: Double

    package init(
      windows: Int, tokens: Int, error: Double, halfErrors: [Double], agreement: Double
    ) {
      self.windows = windows
      self.tokens = tokens
      self.error = error
      self.halfErrors = halfErrors
      self.agreement = agreement
    }
  }

  package var recipe: Recipe
  package var text: String
  /// Blocks that were looked at.
  package var blocks: [Int]
  /// Windows that errors are measured on, none of them used.
  package var heldOut: Int
  /// The error without any calibration: rounding to nearest on the same grid.
  package var roundedError: Double
  package var points: [Point]
  /// The model's name, with what was planted in it or rotated.
  package var model: String?

  package init(
    recipe: Recipe, text: String, blocks: [Int], heldOut: Int, roundedError: Double,
    points: [Point], model: String? = nil
  ) {
    self.model = model
    self.recipe = recipe
    self.text = text
    self.blocks = blocks
    self.heldOut = heldOut
    self.roundedError = roundedError
    self.points = points
  }

  /// A doubling that lowers the error by less than this share of it has brought nothing.
  package static let flatShare = 0.01

  /// The number of windows from which on twice as many bring nothing; nil while the error still falls.
  package var flatFrom: Int? {
    guard points.count >= 2 else { return nil }
    var found: Int?
    for (point, next) in zip(points, points.dropFirst()).reversed() {
      guard point.error - next.error < Self.flatShare * point.error else { break }
      found = point.windows
    }
    return found
  }

  /// The word for it.
  package var verdict: String {
    guard let last = points.last, points.count >= 2 else {
      return "too few points yet to say anything"
    }
    let before = points[points.count - 2]
    if let flatFrom {
      return "flat from \(flatFrom) windows on: a longer text will not make the errors smaller"
    }
    let fall = Quantity.percent((before.error - last.error) / before.error, 0)
    return "still falling, \(fall) from \(before.windows) to \(last.windows) windows: "
      + "use more than \(last.windows)"
  }
}
