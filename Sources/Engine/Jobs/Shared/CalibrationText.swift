import Models
import Quantization

/// The windows that calibration looks at, and what is to be said of them before anybody trusts what comes of it.
struct CalibrationText {
  let windows: [[Int32]]
  /// Tokens of the text that lie in a window at least; fewer than in all windows where these overlap.
  let distinct: Int

  /// Windows that hold fewer different tokens than this share of theirs are told.
  private static let toldShare = 0.75

  var tokens: Int { windows.reduce(0) { $0 + $1.count } }

  /// That windows overlap, where they do by much.
  var overlap: String? {
    guard Double(distinct) < Self.toldShare * Double(tokens) else { return nil }
    return
      "the \(windows.count) calibration windows overlap: of their \(tokens) tokens only \(distinct) are different "
      + "places of the text; a longer text says more"
  }

  /// That the text is not like the model's, where a model that is not the built-in one is calibrated on the built-in text.
  static func foreign(_ held: Laboratory.OpenModel, _ options: CalibrationOptions) -> String? {
    guard options.text == nil, !held.isBuiltIn else { return nil }
    return
      "calibrated on the built-in text, short tales written for the built-in model: a text like this model's use gives "
      + "better results (--calibration, or text on the Method screen)"
  }
}
