import Serving
import Testing

/// Simulated machines, held against sums done by hand.
@Suite struct ServingSimulatorTests {
  private static let limits = ServingLimits(blocks: 1000, seats: 8, chunk: 64)

  /// A second for whatever a step computes.
  private static func second(_ step: ServingStep) -> Double { 1 }

  @Test func timesOfOneRequest() {
    let trace = RequestTrace(
      name: "one", requests: [ServedRequest(arrival: 5, prompt: 100, generated: 5)])
    let report = ServingSimulator(Self.limits, cost: Self.second).run(trace)
    // Two steps of prompt, then four of a token each.
    #expect(report.firstToken.median == 2)
    #expect(report.perToken.p99 == 1)
    #expect(report.whole.largest == 6)
    #expect(report.seconds == 6)
    #expect(report.tokenRate == 5.0 / 6)
    #expect(report.busy == 1)
    #expect(report.finished == 1)
  }

  /// Poisson arrivals of one-token requests on a machine that takes one at a time: the wait of an M/D/1 queue,
  /// rho / (2 (1 - rho)) service times.
  @Test func aSingleServerWaitsAsTheoryHasIt() throws {
    let limits = ServingLimits(blocks: 100, seats: 1, chunk: 64)
    for load in [0.3, 0.6, 0.8] {
      let trace = try DrawnTrace(
        rate: load, requests: 200_000, prompt: 32, generated: 1, spread: 0, context: 64, seed: 3
      ).trace()
      let report = ServingSimulator(limits, cost: Self.second).run(trace)
      let expected = 1 + load / (2 * (1 - load))
      #expect(abs(report.firstToken.mean / expected - 1) < 0.03, "\(load): \(report.firstToken)")
      #expect(abs(report.busy - load) < 0.02)
    }
  }

  @Test func idleTimeIsNobodys() {
    let trace = RequestTrace(
      name: "two",
      requests: [0.0, 100].map { ServedRequest(arrival: $0, prompt: 1, generated: 1) })
    let report = ServingSimulator(Self.limits, cost: Self.second).run(trace)
    #expect(report.seconds == 101)
    #expect(abs(report.busy - 2.0 / 101) < 1e-9)
    #expect(abs(report.running.mean - 2.0 / 101) < 1e-9)
  }

  @Test func theSameTraceGivesTheSameReport() throws {
    let trace = try DrawnTrace(
      rate: 50, requests: 2000, burst: 3, prefixes: 3, prefixTokens: 100, prefixShare: 0.5,
      context: 4096, seed: 1
    ).trace()
    let simulator = ServingSimulator(
      ServingLimits(blocks: 200, seats: 16, chunk: 256), machines: 3
    ) { 0.001 * Double($0.tokens) + 0.01 }
    #expect(simulator.run(trace) == simulator.run(trace))
  }

  @Test func copiesShareTheRequests() throws {
    let trace = try DrawnTrace(
      rate: 1, requests: 8000, prompt: 60, generated: 4, spread: 1, context: 4096, seed: 2
    ).trace()
    let limits = ServingLimits(blocks: 100, seats: 1, chunk: 4096)
    func mean(_ machines: Int, _ router: ServingSimulator.Router) -> Double {
      ServingSimulator(limits, machines: machines, router: router, cost: Self.second).run(trace)
        .firstToken.mean
    }
    // A request takes four steps on average: three machines do not keep up, six do.
    #expect(mean(3, .least) > 100)
    #expect(mean(6, .least) < 3)
    #expect(mean(6, .least) < mean(6, .turns))
  }

  /// A step that is under way is seen by the router: of two idle machines the second gets the second request.
  @Test func aBusyMachineIsNotTakenForAnIdleOne() {
    let trace = RequestTrace(
      name: "two",
      requests: [0, 0.5].map { ServedRequest(arrival: $0, prompt: 10, generated: 1) })
    let report = ServingSimulator(
      ServingLimits(blocks: 100, seats: 1, chunk: 64), machines: 2, cost: Self.second
    ).run(trace)
    #expect(report.firstToken.largest == 1)
  }

  @Test func largestRateIsWhereThePromiseBreaks() throws {
    let limits = ServingLimits(blocks: 100, seats: 1, chunk: 64)
    let trace = try DrawnTrace(
      rate: 0.1, requests: 20_000, prompt: 32, generated: 1, spread: 0, context: 64, seed: 5
    ).trace()
    func run(_ trace: RequestTrace) -> ServingReport {
      ServingSimulator(limits, cost: Self.second).run(trace)
    }
    let promise = ServingPromise(firstToken: 4, percentile: .p99)
    let found = RateSearch.largest(trace, keeping: promise, run: run)
    #expect(found.rate > 0.3 && found.rate < 0.9, "\(found)")
    #expect(promise.isKept(by: run(trace.scaled(by: found.rate / trace.rate))))
    #expect(!promise.isKept(by: run(trace.scaled(by: 1.05 * found.rate / trace.rate))))
    // Less than a step lasts is never kept.
    #expect(
      RateSearch.largest(trace, keeping: ServingPromise(firstToken: 0.5), run: run).rate == 0)
    // A promise of tokens after the first says nothing where there is one: the queue still bounds the rate.
    let throughput = RateSearch.largest(trace, keeping: ServingPromise(perToken: 1), run: run)
    #expect(throughput.rate > 0.9 && throughput.rate < 1.2, "\(throughput)")
  }

  /// Steps are counted, not timed: a million requests of 200 tokens take so many that a simulation whose step looked at
  /// every sequence would not end in time.
  @Test func aHundredThousandRequestsInLittleMemory() throws {
    let trace = try DrawnTrace(
      rate: 100, requests: 100_000, prompt: 256, generated: 64, context: 4096, seed: 9
    ).trace()
    let report = ServingSimulator(ServingLimits(blocks: 2000, seats: 128, chunk: 512)) {
      0.002 + 1e-5 * Double($0.tokens)
    }.run(trace)
    #expect(report.finished == 100_000)
    #expect(report.moments.count <= 256)
  }

  @Test func percentilesAreValuesOfTheSample() {
    let spread = ServingReport.Spread((1...200).map(Double.init))
    #expect(spread.median == 100)
    #expect(spread.p90 == 180)
    #expect(spread.p99 == 198)
    #expect(spread.largest == 200)
    #expect(ServingReport.Spread([]) == .none)
  }
}
