package import Operators
package import Quantization

/// What quantizing one layer took, step by step, and what it cost.
package struct LayerTrialReport: Hashable, Sendable, Codable {
  /// One step of the method.
  package struct Phase: Hashable, Sendable, Codable {
    package var name: String
    /// Median of the repetitions.
    package var seconds: Double
    package var fastest: Double
    package var slowest: Double
  }

  package var method: MethodChoice
  package var rows: Int
  package var columns: Int
  package var tokens: Int
  package var threads: Int
  package var provider: ExecutionProvider
  package var repetitions: Int
  package var phases: [Phase]
  /// All steps together.
  package var total: Phase
  /// `sum over rows of (w - q) H (w - q)^T` with `H = (2 / n) sum X^T X` over n sequences.
  package var proxyLoss: Double
  /// The same of rounding to nearest on the same kind of grid.
  package var nearestProxyLoss: Double
  /// `|X (W - Q)^T| / |X W^T|`.
  package var relativeError: Double
  package var nearestRelativeError: Double
  /// Bits a weight, scales and zero points included.
  package var bits: Double
  /// What the process held at most until the last repetition had ended, weights and inputs included.
  package var peakResidentBytes: Int
  /// Bytes of weights and inputs.
  package var sampleBytes: Int
  /// Why the layer was not quantized as asked, if so.
  package var fallback: String?
}
