/// A machine in simulated time: steps follow each other while there is something to do, each as long as its cost says.
struct SimulatedMachine {
  private(set) var scheduler: BatchScheduler
  private let cost: (ServingStep) -> Double
  /// When the step that is under way ends, or the machine became idle.
  private var now = 0.0
  private var underway: ServingStep?
  /// When each request got its first token.
  private var began: [Double] = []

  init(
    _ limits: ServingLimits, prefixes: PrefixTree, cost: @escaping (ServingStep) -> Double
  ) {
    scheduler = BatchScheduler(limits, prefixes: prefixes)
    self.cost = cost
  }

  mutating func offer(_ request: ServedRequest) {
    scheduler.offer(request)
    began.append(.nan)
  }

  /// Computes until a time is reached; a step that ends after it goes on.
  mutating func advance(until end: Double, into collector: inout ServingCollector) {
    while true {
      if underway != nil {
        guard now <= end else { return }
        underway = nil
        finish(into: &collector)
      }
      guard now < end else { return }
      guard let step = scheduler.next() else {
        guard end.isFinite else { return }
        collector.spend(end - now, at: now, occupancy: 0, running: 0, waiting: 0)
        now = end
        return
      }
      let seconds = cost(step)
      collector.spend(
        seconds, at: now,
        occupancy: Double(scheduler.usedBlocks) / Double(max(1, scheduler.limits.blocks)),
        running: scheduler.running, waiting: scheduler.waiting)
      collector.step(seconds, tokens: step.decodes)
      underway = step
      now += seconds
    }
  }

  private mutating func finish(into collector: inout ServingCollector) {
    scheduler.complete()
    for index in scheduler.events.began {
      began[index] = now
      collector.begin(scheduler.requests[index], at: now)
    }
    for (_, index) in scheduler.events.finished {
      collector.end(scheduler.requests[index], began: began[index], at: now)
    }
  }
}

/// Runs a trace through simulated machines.
package struct ServingSimulator {
  /// Who gets a request where there are several machines.
  package enum Router: String, Hashable, Sendable, Codable, CaseIterable {
    /// One after the other.
    case turns
    /// The one with the fewest requests that are not finished.
    case least
  }

  package let limits: ServingLimits
  package let machines: Int
  package let router: Router
  /// Seconds of a step; never less than zero.
  let cost: (ServingStep) -> Double

  /// - Parameter machines: replicas, each with all of `limits`.
  package init(
    _ limits: ServingLimits, machines: Int = 1, router: Router = .least,
    cost: @escaping (ServingStep) -> Double
  ) {
    self.limits = limits
    self.machines = max(1, machines)
    self.router = router
    self.cost = cost
  }

  package func run(_ trace: RequestTrace) -> ServingReport { run(trace) {} }

  /// - Parameter checkpoint: called now and then; what it throws ends the simulation.
  package func run(
    _ trace: RequestTrace, checkpoint: () throws -> Void
  ) rethrows -> ServingReport {
    let start = trace.requests.first?.arrival ?? 0
    var collector = ServingCollector(
      machines: machines, seats: limits.seats, span: trace.span)
    var fleet = (0..<machines).map { _ in
      SimulatedMachine(limits, prefixes: trace.prefixes, cost: cost)
    }
    for (number, request) in trace.requests.enumerated() {
      if number % 4096 == 0 { try checkpoint() }
      var chosen = number % machines
      var least = Int.max
      for index in fleet.indices where machines == 1 || router == .least || index == chosen {
        fleet[index].advance(until: request.arrival - start, into: &collector)
        if router == .least, fleet[index].scheduler.inFlight < least {
          (chosen, least) = (index, fleet[index].scheduler.inFlight)
        }
      }
      var shifted = request
      shifted.arrival -= start
      fleet[chosen].offer(shifted)
    }
    collector.leftWaiting = fleet.reduce(0) { $0 + max(0, $1.scheduler.waiting - 1) }
    for index in fleet.indices {
      try checkpoint()
      fleet[index].advance(until: .infinity, into: &collector)
    }
    let schedulers = fleet.map(\.scheduler)
    return collector.report(
      requests: trace.requests.count, refused: schedulers.reduce(0) { $0 + $1.refused },
      preemptions: schedulers.reduce(0) { $0 + $1.preemptions },
      cachedTokens: schedulers.reduce(0) { $0 + $1.cachedTokens }, start: 0)
  }
}
