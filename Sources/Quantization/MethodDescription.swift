package import Models

/// What a method says of itself; screens, help, recipes and documents are made from it.
package struct MethodDescription: Hashable, Sendable, Codable {
  /// What a method must see before it can work.
  package enum Calibration: String, Hashable, Sendable, Codable {
    /// Nothing but the weights.
    case none
    /// The activations that enter each linear layer.
    case activations
  }

  /// The name in recipes: `rtn`, `int8`.
  package var name: String
  /// The name people know it by: `RTN`, `W8A8 INT8`.
  package var title: String
  /// One sentence.
  package var summary: String
  package var target: QuantizationTarget
  package var calibration: Calibration
  package var options: [OptionSpec]
  /// Other names people type for it.
  package var aliases: [String]

  package init(
    name: String, title: String, summary: String, target: QuantizationTarget,
    calibration: Calibration, options: [OptionSpec], aliases: [String] = []
  ) {
    self.name = name
    self.title = title
    self.summary = summary
    self.target = target
    self.calibration = calibration
    self.options = options
    self.aliases = aliases
  }
}
