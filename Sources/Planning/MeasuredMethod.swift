package import Models

/// What a method came to on the model that is planned for, in an earlier run: it goes before what is said of methods in
/// general.
package struct MeasuredMethod: Hashable, Sendable, Codable {
  package var target: QuantizationTarget
  /// As recipes name it.
  package var name: String
  /// Bits as recipes write them; nil where the method has none.
  package var bits: Int?
  /// Mean KL divergence to the baseline, in nats, and its standard error.
  package var kl: Double
  package var error: Double
  /// The run that it stands in.
  package var run: String

  package init(
    target: QuantizationTarget, name: String, bits: Int? = nil, kl: Double, error: Double,
    run: String
  ) {
    self.target = target
    self.name = name
    self.bits = bits
    self.kl = kl
    self.error = error
    self.run = run
  }
}
