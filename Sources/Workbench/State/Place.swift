/// The ids of screens that others lead to; a screen that nothing leads to but its own key needs none here.
package enum Place {
  package static let model = "model"
  package static let target = "target"
  package static let method = "method"
  package static let calibrate = "calibrate"
  package static let heatmap = "heatmap"
  package static let quality = "quality"
  package static let profile = "profile"
  package static let verdict = "verdict"
  package static let compare = "compare"

  /// All of them, for the test that each is a screen.
  package static let all = [
    model, target, method, calibrate, heatmap, quality, profile, verdict, compare,
  ]
}
