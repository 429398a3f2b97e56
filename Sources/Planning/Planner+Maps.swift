import Models
import Operators

/// What fits: contexts by requests, one layer for each width of the cache.
extension Planner {
  /// Bytes there are for a cache next to 16-bit weights.
  private func room(_ memory: PlanReport.Memory) -> Double {
    max(0, memory.budget - memory.weights - memory.activations)
  }

  /// Fills in the map of what fits.
  func addMaps(to report: inout PlanReport) {
    let requests = Self.ladder(around: workload.requests, factors: [0.25, 1, 4, 16])
    let contexts = Self.ladder(
      around: workload.context, factors: [0.0625, 0.125, 0.25, 0.5, 1, 2, 4])
    let room = room(report.memory)
    report.maps = widths.map { map($0, requests: requests, contexts: contexts, room: room, report) }
    report.fits = requests.enumerated().map { row, count in
      contexts.enumerated().map { column, context in
        PlanReport.Fit(
          context: context, requests: count,
          widestKVBits: report.maps.first { $0.shares[row][column] <= 1 }?.width.code)
      }
    }
  }

  private func map(
    _ width: KVWidth, requests: [Int], contexts: [Int], room: Double, _ report: PlanReport
  ) -> PlanReport.KVMap {
    func fits(_ context: Int, _ count: Int) -> Bool {
      cacheBytes(context: context, requests: count, bits: width.bits) <= room
    }
    let longest = Self.largest(upTo: Self.longestContext) { fits($0, workload.requests) }
    return PlanReport.KVMap(
      width: width, bytesPerToken: Double(report.kvBytesPerToken) * width.bits / 16,
      cacheBytes: cacheBytes(
        context: workload.context, requests: workload.requests, bits: width.bits),
      cacheSeconds: report.decode.cacheSeconds * width.bits / 16,
      shares: requests.map { count in
        contexts.map { context in
          let bytes = cacheBytes(context: context, requests: count, bits: width.bits)
          return room > 0 ? bytes / room : .infinity
        }
      },
      longestContext: longest == Self.longestContext ? nil : longest,
      mostRequests: Self.largest(upTo: 1 << 24) { fits(workload.context, $0) })
  }

  /// The largest number of at most `bound` that satisfies `test`, which once false stays false; 0 for none.
  private static func largest(upTo bound: Int, where test: (Int) -> Bool) -> Int {
    var low = 0
    var high = bound + 1
    while high - low > 1 {
      let middle = low + (high - low) / 2
      if test(middle) { low = middle } else { high = middle }
    }
    return low
  }

  private static func ladder(around value: Int, factors: [Double]) -> [Int] {
    var steps: [Int] = []
    for factor in factors {
      let step = max(1, Int((Double(value) * factor).rounded()))
      if !steps.contains(step) { steps.append(step) }
    }
    return steps
  }

  /// What quantizing could reach.
  func reach(_ report: PlanReport) -> PlanReport.Reach {
    let memory = report.memory
    var reach = PlanReport.Reach()
    reach.total = memory.total
    let fixed = model.weightBytes(bitsPerWeight: 0)
    let linear = model.weightBytes(bitsPerWeight: 16) - fixed
    if linear > 0 {
      reach.weightBits =
        16 * max(0, memory.budget - memory.kvCache - memory.activations - fixed) / linear
    }
    if memory.kvCache > 0 { reach.kvBits = 16 * room(memory) / memory.kvCache }
    if report.decode.cacheSeconds > 0 {
      reach.kvBitsAtWeights = 16 * report.decode.weightSeconds / report.decode.cacheSeconds
    }
    reach.smallWeightBits = smallWeightBits
    reach.smallWeights = model.weightBytes(bitsPerWeight: smallWeightBits)
    let four = KVWidth.standard(headDimension: model.headDimension).first { $0.code == 4 }
    reach.smallestTotal =
      reach.smallWeights + memory.activations + memory.kvCache * (four?.bits ?? 4.5) / 16
    reach.bf16Rate = peaks.bf16Rate
    reach.int8Rate = peaks.int8Rate
    reach.fp8Rate = peaks.fp8Rate
    reach.savedByEightBitWeights =
      1 - requestSeconds(report, .init(weightReads: eightBitReads)) / requestSeconds(report)
    return reach
  }
}
