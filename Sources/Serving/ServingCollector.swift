/// Gathers what steps and requests of one run were like, over all machines of a fleet.
package struct ServingCollector {
  private struct Bucket {
    var seconds = 0.0
    var occupancy = 0.0
    var running = 0.0
    var waiting = 0.0
    var firstTokens = 0
    var firstTokenSeconds = 0.0
  }

  /// Stretches of time that are kept; when they are full, each two become one.
  private static let mostBuckets = 256

  private let machines: Int
  private var firstTokens: [Double] = []
  private var perToken: [Double] = []
  private var whole: [Double] = []
  private var stepSeconds = WeightedHistogram(
    .logarithmic(smallest: 1e-7, perDecade: 100), bins: 1300)
  private var occupancy = WeightedHistogram(.linear(unit: 0.002), bins: 501)
  private var running: WeightedHistogram
  private var buckets = [Bucket](repeating: Bucket(), count: Self.mostBuckets)
  private var width: Double
  private var generated = 0
  private var prompts = 0
  private var lastToken = 0.0
  private var steps = 0
  private var busy = 0.0
  package var leftWaiting = 0

  /// - Parameter span: seconds the trace takes at least.
  package init(machines: Int, seats: Int, span: Double) {
    self.machines = machines
    running = WeightedHistogram(.linear(unit: 1), bins: seats + 1)
    width = max(span, 1e-3) / Double(Self.mostBuckets / 2)
  }

  /// Counts time that one machine spent in one state.
  package mutating func spend(
    _ seconds: Double, at time: Double, occupancy share: Double, running count: Int, waiting: Int
  ) {
    guard seconds > 0 else { return }
    occupancy.add(share, weight: seconds)
    running.add(Double(count), weight: seconds)
    let index = bucket(at: time)
    buckets[index].seconds += seconds
    buckets[index].occupancy += share * seconds
    buckets[index].running += Double(count) * seconds
    buckets[index].waiting += Double(waiting) * seconds
  }

  /// Counts a step with the tokens that came of it.
  package mutating func step(_ seconds: Double, tokens: Int) {
    stepSeconds.add(seconds, weight: Double(tokens))
    steps += 1
    busy += seconds
  }

  /// Counts a first token.
  package mutating func begin(_ request: ServedRequest, at time: Double) {
    let waited = time - request.arrival
    firstTokens.append(waited)
    let index = bucket(at: time)
    buckets[index].firstTokens += 1
    buckets[index].firstTokenSeconds += waited
  }

  /// Counts a last token.
  package mutating func end(_ request: ServedRequest, began: Double, at time: Double) {
    if request.generated > 1 {
      perToken.append((time - began) / Double(request.generated - 1))
    }
    whole.append(time - request.arrival)
    generated += request.generated
    prompts += request.prompt
    lastToken = max(lastToken, time)
  }

  private mutating func bucket(at time: Double) -> Int {
    while time >= width * Double(Self.mostBuckets) {
      for index in 0..<Self.mostBuckets {
        let first = 2 * index
        buckets[index] =
          first < Self.mostBuckets
          ? Self.joined(buckets[first], buckets[first + 1]) : Bucket()
      }
      width *= 2
    }
    return max(0, Int(time / width))
  }

  private static func joined(_ left: Bucket, _ right: Bucket) -> Bucket {
    var left = left
    left.seconds += right.seconds
    left.occupancy += right.occupancy
    left.running += right.running
    left.waiting += right.waiting
    left.firstTokens += right.firstTokens
    left.firstTokenSeconds += right.firstTokenSeconds
    return left
  }

  /// The report of a trace whose first request came at `start`.
  package func report(
    requests: Int, refused: Int, preemptions: Int, cachedTokens: Int, start: Double
  ) -> ServingReport {
    let seconds = max(1e-12, lastToken - start)
    let last = buckets.lastIndex { $0.seconds > 0 } ?? 0
    let moments = buckets[...last].enumerated().compactMap { index, bucket in
      bucket.seconds > 0
        ? ServingReport.Moment(
          time: Double(index) * width, occupancy: bucket.occupancy / bucket.seconds,
          running: Double(machines) * bucket.running / bucket.seconds,
          waiting: Double(machines) * bucket.waiting / bucket.seconds,
          firstToken: bucket.firstTokens > 0
            ? bucket.firstTokenSeconds / Double(bucket.firstTokens) : nil) : nil
    }
    return ServingReport(
      requests: requests, finished: whole.count, refused: refused, seconds: seconds,
      requestRate: Double(whole.count) / seconds, tokenRate: Double(generated) / seconds,
      promptRate: Double(prompts) / seconds, firstToken: .init(firstTokens),
      perToken: .init(perToken), whole: .init(whole), step: stepSeconds.spread,
      running: running.spread, occupancy: occupancy.spread, preemptions: preemptions,
      cachedShare: prompts > 0 ? Double(cachedTokens) / Double(prompts) : 0, steps: steps,
      busy: busy / (seconds * Double(machines)), machines: machines, leftWaiting: leftWaiting,
      moments: moments)
  }
}
