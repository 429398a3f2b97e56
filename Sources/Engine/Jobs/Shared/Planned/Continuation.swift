/// What sizes that were timed say of one that was not: by a sum of costs fitted to them, or by the ratio of the machine's own limits,
/// whichever tells the largest size better from the smaller ones.
struct Continuation {
  /// How many times longer the planned size takes than the largest that was timed.
  let longer: Double
  /// How far the rule is off where it tells the largest size from the smaller ones, as a share; nil where nothing is continued,
  /// or nothing smaller was timed.
  let error: Double?

  /// - Parameters:
  ///   - timed: terms, seconds and seconds by the machine's limits of each size, the largest first.
  ///   - planned: terms of the planned size, and its seconds by the machine's limits.
  init(
    _ timed: [(terms: [Double], seconds: Double, limit: Double)],
    to planned: (terms: [Double], limit: Double)
  ) {
    guard let first = timed.first, first.terms != planned.terms else {
      longer = 1
      error = nil
      return
    }
    let points = timed.map { (terms: $0.terms, seconds: $0.seconds) }
    let byLimits = timed.dropFirst().first.map { next in
      (next.seconds * first.limit / max(1e-12, next.limit) / max(1e-12, first.seconds) - 1)
        .magnitude
    }
    let byFit = CostFit.error(points)
    if let byFit, byFit <= byLimits ?? .infinity {
      let fit = CostFit(points)
      longer = fit.seconds(planned.terms) / fit.seconds(first.terms)
      error = byFit
    } else {
      longer = planned.limit / max(1e-12, first.limit)
      error = byLimits
    }
  }
}
