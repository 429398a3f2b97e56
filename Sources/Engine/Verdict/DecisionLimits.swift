/// What a recipe has to meet to pass.
package struct DecisionLimits: Hashable, Sendable, Codable {
  /// KL to the baseline in nats at most.
  package var mostKL: Double
  /// Share of tokens whose most likely successor stays the baseline's, at least, 0 to 1.
  package var leastTopOne: Double
  /// How many times faster the phase has to be that binds.
  package var leastSpeedup: Double

  package init(mostKL: Double = 0.02, leastTopOne: Double = 0.9, leastSpeedup: Double = 1.1) {
    self.mostKL = mostKL
    self.leastTopOne = leastTopOne
    self.leastSpeedup = leastSpeedup
  }

  /// Times the limit from which on quality is not weak but lost.
  static let lost = 5.0
}
