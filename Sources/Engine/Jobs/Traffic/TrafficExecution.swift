import Models
import Operators
import Platform
import Serving
import Tensors

/// A trace through the real engine: the scheduler of the simulation, the model's own steps, the machine's own clock.
///
/// Caches are paged and forked where prompts begin alike, as the scheduler says. Tokens are made up, since only time counts,
/// and nothing is sampled. Time in which there is nothing to do is skipped rather than waited for.
final class TrafficExecution {
  private let model: Model
  private let context: ExecutionContext
  private let trace: RequestTrace
  private let pool: KVBlockPool
  private let capacity: Int
  private let options: ForwardOptions
  private let logits = Logits()
  private var scheduler: BatchScheduler
  /// The cache of each seat that is taken, and its request.
  private var caches: [BlockKVCache?]
  private var requests: [Int]
  /// Caches of prefixes that are common.
  private var prefixes: [Int: BlockKVCache] = [:]

  init(
    _ model: Model, cache: KVFormatPair, context: ExecutionContext, limits: ServingLimits,
    trace: RequestTrace
  ) throws {
    self.model = model
    self.context = context
    self.trace = trace
    pool = try KVBlockPool(model.cacheLayout(cache))
    capacity = (trace.requests.map(\.longest).max() ?? 0) + 2
    options = ForwardOptions(chunk: limits.chunk + limits.seats)
    scheduler = BatchScheduler(limits, prefixes: trace.prefixes)
    caches = .init(repeating: nil, count: limits.seats)
    requests = .init(repeating: -1, count: limits.seats)
  }

  /// - Parameters:
  ///   - progress: told the requests that are finished so far.
  ///   - observe: told each step with its seconds.
  func run(
    progress: (_ done: Int) -> Void, checkpoint: () throws -> Void,
    observe: (ServingStep, Double) -> Void = { _, _ in }
  ) throws -> ServingReport {
    let limits = scheduler.limits
    let first = trace.requests.first?.arrival ?? 0
    var collector = ServingCollector(machines: 1, seats: limits.seats, span: trace.span)
    var now = 0.0
    var next = 0
    var finished = 0
    var began = [Double](repeating: .nan, count: trace.requests.count)
    let arrivals = trace.requests.map { $0.arrival - first }
    while true {
      try checkpoint()
      let start = Machine.seconds()
      while next < arrivals.count, arrivals[next] <= now {
        var request = trace.requests[next]
        request.arrival = arrivals[next]
        if next == arrivals.count - 1 { collector.leftWaiting = scheduler.waiting }
        scheduler.offer(request)
        next += 1
      }
      guard let step = scheduler.next() else {
        guard next < arrivals.count else { break }
        collector.spend(arrivals[next] - now, at: now, occupancy: 0, running: 0, waiting: 0)
        now = arrivals[next]
        continue
      }
      let occupancy = Double(scheduler.usedBlocks) / Double(max(1, limits.blocks))
      let (running, waiting) = (scheduler.running, scheduler.waiting)
      follow(scheduler.events)
      try compute()
      scheduler.complete()
      settle(scheduler.events)
      let seconds = Machine.seconds() - start
      observe(step, seconds)
      collector.spend(
        seconds, at: now, occupancy: occupancy, running: running, waiting: waiting)
      collector.step(seconds, tokens: step.decodes)
      now += seconds
      for index in scheduler.events.began {
        began[index] = now
        collector.begin(scheduler.requests[index], at: now)
      }
      for (_, index) in scheduler.events.finished {
        collector.end(scheduler.requests[index], began: began[index], at: now)
        finished += 1
      }
      if !scheduler.events.finished.isEmpty { progress(finished) }
    }
    return collector.report(
      requests: trace.requests.count, refused: scheduler.refused,
      preemptions: scheduler.preemptions, cachedTokens: scheduler.cachedTokens, start: 0)
  }

  /// Drops the caches of those who left, and gives one to each who came.
  private func follow(_ events: BatchScheduler.Events) {
    for seat in events.preempted { caches[seat] = nil }
    for (seat, request, prefix, cached) in events.admitted {
      requests[seat] = request
      if let held = prefix.flatMap({ prefixes[$0] }), cached > 0 {
        let fork = held.fork()
        fork.truncate(to: cached)
        caches[seat] = fork
      } else {
        caches[seat] = BlockKVCache(pool: pool, capacity: capacity)
      }
    }
    for prefix in events.evicted { prefixes[prefix] = nil }
  }

  /// One step: a token of each sequence, and parts of prompts.
  private func compute() throws {
    var prompts: [[Int32]] = []
    var used: [BlockKVCache] = []
    for seat in scheduler.decodingSeats {
      guard let cache = caches[seat] else { continue }
      prompts.append([token(requests[seat], cache.length)])
      used.append(cache)
    }
    for chunk in scheduler.events.chunks {
      guard let cache = caches[chunk.seat] else { continue }
      prompts.append(
        (chunk.start..<chunk.start + chunk.count).map { token(requests[chunk.seat], $0) })
      used.append(cache)
    }
    try model.prefill(
      prompts: prompts, caches: used, context: context, into: logits, options: options)
  }

  /// Keeps what became common, and drops the caches of those who are done.
  private func settle(_ events: BatchScheduler.Events) {
    for (seat, prefix, tokens) in events.entered {
      guard let common = caches[seat]?.fork() else { continue }
      common.truncate(to: tokens)
      prefixes[prefix] = common
    }
    for (seat, _) in events.finished { caches[seat] = nil }
  }

  /// A token of a request; those of a common prefix are the same for all that share it.
  private func token(_ request: Int, _ position: Int) -> Int32 {
    var source = request
    if let prefix = trace.requests[request].prefix, position < trace.prefixes.nodes[prefix].tokens {
      source = -1 - root(of: prefix)
    }
    let number = (source &* 104_729 &+ position &* 7919 &+ 3) % model.configuration.vocabularySize
    return Int32(number.magnitude)
  }

  private func root(of prefix: Int) -> Int {
    var node = prefix
    while let parent = trace.prefixes.nodes[node].parent { node = parent }
    return node
  }
}
