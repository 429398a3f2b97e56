package import Engine
package import Planning
package import Quantization

/// What the user has chosen for the next jobs.
package struct Choices: Hashable, Sendable {
  package var workload = Workload(context: 2048)
  /// A machine of the catalog to plan for; nil for this one.
  package var machine: String?
  package var recipe = Recipe.baseline
  package var calibration = CalibrationOptions()
  /// What was chosen for the jobs of single screens; a screen reaches its own by `choices[Self.self]`.
  var ofScreens = RoomStore()

  package init() {}
}
