import Glibc
package import Operators

/// The scores of all positions of a text, and what follows from them.
///
/// The definitions are those of `llama-perplexity`: error bars are standard errors of the mean over
/// positions, percentiles are interpolated linearly at `f (N - 1)`.
package struct ScoreStatistics: Sendable, Codable {
  private(set) var divergences: [Double] = []
  private(set) var baselineNLL: [Double] = []
  private(set) var otherNLL: [Double] = []
  private(set) var sameTop = 0
  /// Positions whose most likely token is the one that comes: of the baseline; of it and not of the model; the other way round.
  private(set) var baselineRight = 0
  private(set) var lost = 0
  private(set) var gained = 0

  package init() {}

  /// Scored positions.
  package var count: Int { divergences.count }

  /// Adds one position.
  package mutating func add(_ position: PositionDivergence) {
    divergences.append(position.kl)
    baselineNLL.append(position.baselineNLL)
    otherNLL.append(position.otherNLL)
    if position.sameTop { sameTop += 1 }
    if position.baselineRight { baselineRight += 1 }
    if position.baselineRight, !position.otherRight { lost += 1 }
    if !position.baselineRight, position.otherRight { gained += 1 }
  }

  /// Adds the positions of another text after these.
  package mutating func add(_ other: ScoreStatistics) {
    divergences += other.divergences
    baselineNLL += other.baselineNLL
    otherNLL += other.otherNLL
    sameTop += other.sameTop
    baselineRight += other.baselineRight
    lost += other.lost
    gained += other.gained
  }

  /// Perplexity of the baseline with its error.
  package var baselinePerplexity: Estimate { Self.perplexity(baselineNLL) }

  /// Perplexity of the model with its error.
  package var perplexity: Estimate { Self.perplexity(otherNLL) }

  /// Share of positions whose most likely token is the baseline's.
  package var topOneAgreement: Estimate {
    guard count > 1 else { return Estimate(mean: Double(sameTop), error: 0) }
    let share = Double(sameTop) / Double(count)
    return Estimate(
      mean: share, error: (share * (1 - share) / Double(count - 1)).squareRoot())
  }

  /// The distribution of the KL divergence.
  package var divergence: DivergenceReport {
    let sorted = divergences.sorted()
    let mean = Self.mean(divergences)
    return DivergenceReport(
      mean: mean.mean, error: mean.error, median: Self.percentile(sorted, 0.5),
      p90: Self.percentile(sorted, 0.9), p95: Self.percentile(sorted, 0.95),
      p99: Self.percentile(sorted, 0.99), max: sorted.last ?? 0,
      p999: Self.percentile(sorted, 0.999))
  }

  /// What the two models' losses and choices say of each other.
  package var fieldFigures: FieldFigures {
    let (own, base) = (Self.mean(otherNLL), Self.mean(baselineNLL))
    let covariance = self.covariance
    let apart = own.mean - base.mean
    let error = max(0, own.error * own.error + base.error * base.error - 2 * covariance)
      .squareRoot()
    let (first, second) = (exp(own.mean), exp(base.mean))
    let spread =
      first * own.error * first * own.error + second * base.error * second * base.error
      - 2 * first * second * covariance
    let product = own.error * base.error
    return FieldFigures(
      lnRatio: Estimate(mean: apart, error: error),
      ratio: Estimate(mean: exp(apart), error: exp(apart) * error),
      difference: Estimate(mean: first - second, error: max(0, spread).squareRoot()),
      correlation: product > 0 ? covariance / product : 0,
      probability: ProbabilityChange(zip(otherNLL, baselineNLL).map { exp(-$0) - exp(-$1) }),
      flips: TokenFlips(tokens: count, baselineRight: baselineRight, lost: lost, gained: gained))
  }

  /// Of the two mean losses, as their squared errors are variances; 0 for ten positions or fewer, as those.
  private var covariance: Double {
    guard count > 10 else { return 0 }
    let n = Double(count)
    let own = otherNLL.reduce(0, +) / n
    let base = baselineNLL.reduce(0, +) / n
    let both = zip(otherNLL, baselineNLL).reduce(0) { $0 + $1.0 * $1.1 } / n
    return (both - own * base) / (n - 1)
  }

  /// Mean and standard error.
  package static func mean(_ values: [Double]) -> Estimate {
    guard !values.isEmpty else { return Estimate(mean: 0, error: 0) }
    let count = Double(values.count)
    let mean = values.reduce(0, +) / count
    guard values.count > 10 else { return Estimate(mean: mean, error: 0) }
    let squares = values.reduce(0) { $0 + $1 * $1 } / count
    return Estimate(
      mean: mean, error: (max(0, squares - mean * mean) / (count - 1)).squareRoot())
  }

  /// The value at share `share` of sorted values, linear between neighbours.
  package static func percentile(_ sorted: [Double], _ share: Double) -> Double {
    guard let last = sorted.last else { return 0 }
    let place = share * Double(sorted.count - 1)
    let index = Int(place)
    guard index + 1 < sorted.count else { return last }
    return sorted[index] + (place - Double(index)) * (sorted[index + 1] - sorted[index])
  }

  private static func perplexity(_ losses: [Double]) -> Estimate {
    let loss = mean(losses)
    let value = exp(loss.mean)
    return Estimate(mean: value, error: value * loss.error)
  }
}
