import Platform
import Serving

/// Simulates a trace again and again, and counts how long that takes.
struct TrafficRuns {
  let trace: RequestTrace
  let options: TrafficOptions
  let checkpoint: () throws -> Void
  private var seconds = 0.0
  private var requests = 0

  init(trace: RequestTrace, options: TrafficOptions, checkpoint: @escaping () throws -> Void) {
    self.trace = trace
    self.options = options
    self.checkpoint = checkpoint
  }

  /// Requests a second of the time that simulating took.
  var rate: Double { seconds > 0 ? Double(requests) / seconds : 0 }

  mutating func simulate(
    _ trace: RequestTrace, _ limits: ServingLimits, cost: @escaping (ServingStep) -> Double
  ) throws -> ServingReport {
    let start = Machine.seconds()
    let simulator = ServingSimulator(
      limits, machines: options.replicas, router: options.router, cost: cost)
    let report = try simulator.run(trace, checkpoint: checkpoint)
    seconds += Machine.seconds() - start
    requests += trace.requests.count
    return report
  }

  /// The trace as it is, and the largest rate that keeps the promise, where one was made.
  mutating func run(
    _ limits: ServingLimits, cost: @escaping (ServingStep) -> Double
  ) throws -> (ServingReport, RateSearch.Found?) {
    let report = try simulate(trace, limits, cost: cost)
    guard !options.promise.isEmpty else { return (report, nil) }
    let found = try RateSearch.largest(trace, keeping: options.promise) {
      try simulate($0, limits, cost: cost)
    }
    return (report, found)
  }
}

extension TrafficReport {
  init(
    model: String, runs: TrafficRuns, machine: String, isModelled: Bool, ways: Int,
    sides: [Side], widths: [Width] = [], notes: [String] = []
  ) {
    let trace = runs.trace
    let tokens = trace.tokens
    let count = Double(max(1, trace.requests.count))
    self.init(
      model: model, machine: machine, isModelled: isModelled, trace: trace.name,
      requests: trace.requests.count, leftOut: trace.leftOut, rate: trace.rate,
      meanPrompt: Double(tokens.prompt) / count, meanGenerated: Double(tokens.generated) / count,
      promise: runs.options.promise, replicas: runs.options.replicas, ways: ways, sides: sides,
      widths: widths, notes: notes, simulationRate: runs.rate)
  }
}
