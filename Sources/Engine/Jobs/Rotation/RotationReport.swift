package import Quantization

/// What rotating the residual stream of the open model did, by measurement.
package struct RotationReport: Hashable, Sendable, Codable {
  /// Logits of the rotated model held against those of the model before, both in float32 with rotated weights in float32.
  package struct Exactness: Hashable, Sendable, Codable {
    /// Logits that were compared.
    package var logits: Int
    /// The largest difference.
    package var difference: Double
    /// The largest magnitude.
    package var largest: Double

    package init(logits: Int, difference: Double, largest: Double) {
      self.logits = logits
      self.difference = difference
      self.largest = largest
    }

    /// The largest difference as a share of the largest logit; rounding alone leaves about 1e-6.
    package var relative: Double { largest > 0 ? difference / largest : difference }
  }

  /// The model as it is now.
  package var summary: ModelSummary
  /// nil when it was turned back.
  package var rotation: ResidualRotation?
  /// What is rotated by which matrix, in words.
  package var kind: String
  /// nil for no rotation, and for models that are too large to be rotated twice.
  package var exact: Exactness?
  /// KL of the rotated model in BF16, its weights rounded again, to the model as it was read; nil for no rotation.
  package var kl: Double?
  /// The largest reach of a channel at any input over that of the median channel there, before and after.
  package var reachBefore = 0.0
  package var reachAfter = 0.0

  package init(summary: ModelSummary, rotation: ResidualRotation?, kind: String) {
    self.summary = summary
    self.rotation = rotation
    self.kind = kind
  }
}
