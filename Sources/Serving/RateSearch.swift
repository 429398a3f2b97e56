/// What requests are promised: seconds that a percentile of them may take.
package struct ServingPromise: Hashable, Sendable, Codable {
  /// Seconds to the first token, of a token after it, and to the last; nil for no promise.
  package var firstToken: Double?
  package var perToken: Double?
  package var whole: Double?
  package var percentile: ServingReport.Percentile

  package init(
    firstToken: Double? = nil, perToken: Double? = nil, whole: Double? = nil,
    percentile: ServingReport.Percentile = .p99
  ) {
    self.firstToken = firstToken
    self.perToken = perToken
    self.whole = whole
    self.percentile = percentile
  }

  package var isEmpty: Bool { firstToken == nil && perToken == nil && whole == nil }

  /// Share of requests that may be waiting when the last one comes: more, and the machines do not keep up.
  private static let mostLeft = 0.05

  /// Whether a run kept it: each promise, nobody refused, and no queue that grows for as long as requests come.
  package func isKept(by report: ServingReport) -> Bool {
    func keeps(_ limit: Double?, _ spread: ServingReport.Spread) -> Bool {
      limit.map { spread[percentile] <= $0 } ?? true
    }
    return report.refused == 0 && report.finished == report.requests
      && Double(report.leftWaiting) <= max(1, Self.mostLeft * Double(report.requests))
      && keeps(firstToken, report.firstToken) && keeps(perToken, report.perToken)
      && keeps(whole, report.whole)
  }
}

/// The largest rate at which a trace keeps a promise: the same requests, closer together or farther apart.
package struct RateSearch {
  package struct Found: Hashable, Sendable, Codable {
    /// Requests a second; 0 where the promise is broken however far apart they come.
    package var rate: Double
    /// Whether a higher rate was not looked for: nothing breaks the promise.
    package var isUnbounded: Bool
    /// Runs it took.
    package var runs: Int
  }

  /// Factors that are looked at around the trace's own rate, as powers of two.
  private static let farthest = 20
  /// How close the rate that is kept and the one that is not come, as a ratio.
  private static let precision = 1.01

  /// - Parameter run: yields the report of a trace.
  package static func largest(
    _ trace: RequestTrace, keeping promise: ServingPromise,
    run: (RequestTrace) throws -> ServingReport
  ) rethrows -> Found {
    var runs = 0
    func isKept(_ factor: Double) throws -> Bool {
      runs += 1
      return promise.isKept(by: try run(trace.scaled(by: factor)))
    }
    guard trace.span > 0 else {
      return Found(rate: 0, isUnbounded: try isKept(1), runs: runs)
    }
    var low = 1.0
    var high = 1.0
    if try isKept(1) {
      repeat {
        low = high
        high *= 2
        if high > Double(1 << Self.farthest) {
          return Found(rate: trace.rate * low, isUnbounded: true, runs: runs)
        }
      } while try isKept(high)
    } else {
      repeat {
        high = low
        low /= 2
        if low < 1 / Double(1 << Self.farthest) {
          return Found(rate: 0, isUnbounded: false, runs: runs)
        }
      } while try !isKept(low)
    }
    while high / low > Self.precision {
      let middle = (low * high).squareRoot()
      if try isKept(middle) { low = middle } else { high = middle }
    }
    return Found(rate: trace.rate * low, isUnbounded: false, runs: runs)
  }
}
