import Models
package import Planning
package import Serving

/// How a trace fares in each form of a model, full precision first.
package struct TrafficReport: Hashable, Sendable, Codable {
  /// One form.
  package struct Side: Hashable, Sendable, Codable {
    package var form: ServedForm
    package var capacity: ServingCapacity
    package var limits: ServingLimits
    package var simulated: ServingReport
    /// The largest rate that keeps the promise; nil where none was made.
    package var largest: RateSearch.Found?
    /// How a step's time was fitted; nil for a described machine.
    package var fit: StepCostFit.Quality?
    /// What the real engine took for the same trace.
    package var executed: ServingReport?
    /// How well the fit meets the steps that the engine took.
    package var replayed: Replayed?
    /// The formula of a step with its numbers.
    package var explanation: [String]

    package init(
      form: ServedForm, capacity: ServingCapacity, limits: ServingLimits, simulated: ServingReport,
      largest: RateSearch.Found?, fit: StepCostFit.Quality? = nil, explanation: [String]
    ) {
      self.form = form
      self.capacity = capacity
      self.limits = limits
      self.simulated = simulated
      self.largest = largest
      self.fit = fit
      self.explanation = explanation
    }
  }

  /// The steps of the real engine, and what the fit says of the same steps.
  package struct Replayed: Hashable, Sendable, Codable {
    package var steps: Int
    /// Seconds of all steps.
    package var measured: Double
    package var fitted: Double
    /// Relative error of a step, the median.
    package var medianError: Double
  }

  /// One width of the cache, weights in full precision.
  package struct Width: Hashable, Sendable, Codable {
    package var bits: Double
    package var bytesPerToken: Double
    package var blocks: Int
    /// Requests of the mean length that fit at once on all machines, by arithmetic.
    package var fitting: Int
    package var simulated: ServingReport
    package var largest: RateSearch.Found?
    /// Requests in flight at that rate, the mean, by Little's law: the rate times the mean time of a request.
    package var users: Double?
  }

  package var model: String
  package var machine: String
  /// Whether times are those of the limits of a described machine.
  package var isModelled: Bool
  package var trace: String
  package var requests: Int
  package var leftOut: Int
  /// Requests a second, and mean tokens of prompts and answers.
  package var rate: Double
  package var meanPrompt: Double
  package var meanGenerated: Double
  package var promise: ServingPromise
  package var replicas: Int
  package var ways: Int
  package var sides: [Side]
  package var widths: [Width]
  package var notes: [String]
  /// Simulated requests a second of this machine's time, over all simulations.
  package var simulationRate: Double

  package init(
    model: String, machine: String, isModelled: Bool, trace: String, requests: Int, leftOut: Int,
    rate: Double, meanPrompt: Double, meanGenerated: Double, promise: ServingPromise,
    replicas: Int, ways: Int, sides: [Side], widths: [Width], notes: [String],
    simulationRate: Double
  ) {
    self.model = model
    self.machine = machine
    self.isModelled = isModelled
    self.trace = trace
    self.requests = requests
    self.leftOut = leftOut
    self.rate = rate
    self.meanPrompt = meanPrompt
    self.meanGenerated = meanGenerated
    self.promise = promise
    self.replicas = replicas
    self.ways = ways
    self.sides = sides
    self.widths = widths
    self.notes = notes
    self.simulationRate = simulationRate
  }
}

extension TrafficReport {
  /// How far a simulated figure is from what the engine took.
  package struct Difference: Hashable, Sendable, Codable {
    package var figure: String
    package var simulated: Double
    package var measured: Double

    /// Relative to what was measured.
    package var error: Double { measured > 0 ? simulated / measured - 1 : 0 }
  }

  /// Medians and 99th percentiles of a side that was executed, simulated next to measured.
  package static func differences(_ side: Side) -> [Difference] {
    guard let executed = side.executed else { return [] }
    let figures: [(String, KeyPath<ServingReport, ServingReport.Spread>)] = [
      ("first token", \.firstToken), ("per token", \.perToken), ("whole request", \.whole),
    ]
    return figures.flatMap { name, path in
      [ServingReport.Percentile.median, .p99].map { percentile in
        Difference(
          figure: "\(name), \(percentile.rawValue)",
          simulated: side.simulated[keyPath: path][percentile],
          measured: executed[keyPath: path][percentile])
      }
    } + [
      Difference(
        figure: "tokens a second", simulated: side.simulated.tokenRate,
        measured: executed.tokenRate)
    ]
  }
}
