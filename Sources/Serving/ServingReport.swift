/// How a trace fared: what each request waited for, and what the machine was busy with.
package struct ServingReport: Hashable, Sendable, Codable {
  /// A figure over requests, tokens or time.
  package struct Spread: Hashable, Sendable, Codable {
    package var mean: Double
    package var median: Double
    package var p90: Double
    package var p99: Double
    package var largest: Double

    package init(mean: Double, median: Double, p90: Double, p99: Double, largest: Double) {
      self.mean = mean
      self.median = median
      self.p90 = p90
      self.p99 = p99
      self.largest = largest
    }

    /// Of nothing.
    package static let none = Spread(mean: 0, median: 0, p90: 0, p99: 0, largest: 0)

    /// Of values in any order; a percentile is the smallest value that so many of them do not pass.
    package init(_ values: [Double]) {
      guard !values.isEmpty else {
        self = .none
        return
      }
      let sorted = values.sorted()
      func at(_ share: Double) -> Double {
        sorted[max(0, min(sorted.count - 1, Int((share * Double(sorted.count)).rounded(.up)) - 1))]
      }
      self.init(
        mean: values.reduce(0, +) / Double(values.count), median: at(0.5), p90: at(0.9),
        p99: at(0.99), largest: sorted[sorted.count - 1])
    }

    package subscript(percentile: Percentile) -> Double {
      switch percentile {
      case .median: median
      case .p90: p90
      case .p99: p99
      }
    }
  }

  /// Which of the values a limit holds for.
  package enum Percentile: String, Hashable, Sendable, Codable, CaseIterable {
    case median = "p50"
    case p90, p99
  }

  /// A stretch of time.
  package struct Moment: Hashable, Sendable, Codable {
    /// Seconds after the trace begins.
    package var time: Double
    /// Share of the cache's blocks that sequences hold, the mean.
    package var occupancy: Double
    /// Sequences on the machines and requests that wait, the mean of each.
    package var running: Double
    package var waiting: Double
    /// Mean seconds to the first token of those that got it then; nil for none.
    package var firstToken: Double?
  }

  package var requests: Int
  package var finished: Int
  /// Requests that are larger than the whole cache.
  package var refused: Int
  /// Seconds from the first arrival to the last token.
  package var seconds: Double
  /// Requests and tokens that were finished in a second, and tokens of prompts, those that were cached included.
  package var requestRate: Double
  package var tokenRate: Double
  package var promptRate: Double
  /// Seconds from arrival to the first token, a token after the first, and from arrival to the last.
  package var firstToken: Spread
  package var perToken: Spread
  package var whole: Spread
  /// Seconds of a step, over the tokens that came of it.
  package var step: Spread
  /// Sequences on a machine, over time.
  package var running: Spread
  /// Share of a machine's cache that sequences hold, over time.
  package var occupancy: Spread
  package var preemptions: Int
  /// Share of all tokens of prompts that were in the cache already.
  package var cachedShare: Double
  package var steps: Int
  /// Share of the time in which the machines computed.
  package var busy: Double
  package var machines: Int
  /// Requests that had come and were not on a machine when the last one came.
  package var leftWaiting: Int
  package var moments: [Moment]
}
