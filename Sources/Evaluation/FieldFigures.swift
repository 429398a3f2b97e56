/// The figures by which the field compares quantized models, next to perplexity and KL divergence, from the same pass.
///
/// The definitions are those of `llama-perplexity --kl-divergence`: both models score the same tokens, so that what they
/// have in common does not widen the error of their difference.
package struct FieldFigures: Hashable, Sendable, Codable {
  /// `ln(PPL / PPL of the baseline)`, in nats a token; the covariance of the two makes its error small.
  package var lnRatio: Estimate
  /// `PPL / PPL of the baseline`.
  package var ratio: Estimate
  /// `PPL - PPL of the baseline`.
  package var difference: Estimate
  /// Correlation of the two losses over tokens, -1 to 1; 0 where one of them does not vary.
  package var correlation: Double
  package var probability: ProbabilityChange
  package var flips: TokenFlips

  package init(
    lnRatio: Estimate, ratio: Estimate, difference: Estimate, correlation: Double,
    probability: ProbabilityChange, flips: TokenFlips
  ) {
    self.lnRatio = lnRatio
    self.ratio = ratio
    self.difference = difference
    self.correlation = correlation
    self.probability = probability
    self.flips = flips
  }
}

/// By how much the probability of the token that comes changed against the baseline: `p - p of the baseline`, -1 to 1.
package struct ProbabilityChange: Hashable, Sendable, Codable {
  /// The change that a share of tokens stays below.
  package struct Point: Hashable, Sendable, Codable {
    /// 0 to 1: 0.05 is the 5th percentile.
    package var share: Double
    package var change: Double

    package init(share: Double, change: Double) {
      self.share = share
      self.change = change
    }
  }

  package var mean: Estimate
  /// Root of the mean square.
  package var rms: Estimate
  /// Ascending, from the largest loss to the largest gain.
  package var percentiles: [Point]

  /// The shares that percentiles are given for.
  package static let shares = [
    0, 0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1,
  ]

  package init(mean: Estimate, rms: Estimate, percentiles: [Point]) {
    self.mean = mean
    self.rms = rms
    self.percentiles = percentiles
  }

  /// - Parameter changes: one a token.
  init(_ changes: [Double]) {
    let sorted = changes.sorted()
    let squares = ScoreStatistics.mean(changes.map { $0 * $0 })
    let root = squares.mean.squareRoot()
    self.init(
      mean: ScoreStatistics.mean(changes),
      rms: Estimate(mean: root, error: root > 0 ? squares.error / (2 * root) : 0),
      percentiles: Self.shares.map {
        Point(share: $0, change: ScoreStatistics.percentile(sorted, $0))
      })
  }

  /// The change at one of `shares`; nil for another.
  package subscript(share: Double) -> Double? { percentiles.first { $0.share == share }?.change }
}

/// Whether the most likely token is the one that comes, for a model and its baseline on the same tokens.
package struct TokenFlips: Hashable, Sendable, Codable {
  package var tokens: Int
  /// Tokens that the baseline has right.
  package var baselineRight: Int
  /// Of these, what the model has wrong.
  package var lost: Int
  /// What the model has right and the baseline wrong.
  package var gained: Int
  /// Chance of flips as uneven as these where neither model is better, by `PairedTest.mcNemar`.
  ///
  /// Tokens count as independent.
  package var p: Double

  package init(tokens: Int = 0, baselineRight: Int = 0, lost: Int = 0, gained: Int = 0) {
    self.tokens = tokens
    self.baselineRight = baselineRight
    self.lost = lost
    self.gained = gained
    p = PairedTest.mcNemar(lost: lost, gained: gained)
  }

  /// Tokens that the model has right.
  package var right: Int { baselineRight - lost + gained }
}
