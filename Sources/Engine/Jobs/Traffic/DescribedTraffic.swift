import Models
import Operators
import Planning
import Platform
import Serving

/// A trace on described machines: steps by their limits.
struct DescribedTraffic {
  let options: TrafficOptions
  let shape: ModelShape
  let name: String
  let peaks: MachinePeaks
  let checkpoint: () throws -> Void

  /// What a described machine is taken to do where nobody says otherwise.
  private static let seats = 256
  private static let chunk = 512

  private var seats: Int { options.seats ?? Self.seats }
  private var chunk: Int { options.chunk ?? Self.chunk }

  /// - Parameter forms: full precision first.
  func run(_ forms: [ServedForm]) throws -> TrafficReport {
    let trace = try options.trace(context: shape.context)
    var runs = TrafficRuns(trace: trace, options: options, checkpoint: checkpoint)
    let sides = try forms.map { try side($0, &runs) }
    let widths = try options.kvWidths.compactMap { bits in
      try forms.first.flatMap { try width(bits, $0, &runs) }
    }
    var notes: [String] = []
    if shape.hasWindows {
      notes.append(
        "Layers that look back on a window are counted as if they kept everything, as this program's own cache does."
      )
    }
    let form = forms.first?.name ?? "FP"
    for (bits, width) in zip(options.kvWidths, widths) where width.blocks == 0 {
      notes.append("\(form) leaves no room for a cache of \(bits) bits.")
    }
    return TrafficReport(
      model: name, runs: runs, machine: peaks.name, isModelled: true, ways: options.split.ways,
      sides: sides, widths: widths, notes: notes)
  }

  private func capacity(_ form: ServedForm) -> ServingCapacity {
    let workload = Workload(context: shape.context, promptTokens: chunk, batch: seats)
    let planner = Planner(
      model: shape, workload: workload, peaks: peaks, methods: PlannedMethods())
    let ways = Double(options.split.ways)
    return ServingCapacity(
      model: shape, form: form, budget: (options.memory ?? peaks.memoryBytes) * ways,
      activationBytes: planner.activationBytes * ways)
  }

  private func limits(_ form: ServedForm, _ capacity: ServingCapacity) -> ServingLimits {
    ServingLimits(
      blocks: capacity.blocks, blockTokens: capacity.blockTokens, seatBlocks: form.seatBlocks,
      seats: seats, chunk: chunk)
  }

  private func side(_ form: ServedForm, _ runs: inout TrafficRuns) throws -> TrafficReport.Side {
    let capacity = capacity(form)
    try capacity.check(form, on: peaks, ways: options.split.ways)
    let limits = limits(form, capacity)
    let cost = RoofStepCost(model: shape, peaks: peaks, form: form, split: options.split)
    let (report, largest) = try runs.run(limits) { cost.seconds($0) }
    return TrafficReport.Side(
      form: form, capacity: capacity, limits: limits, simulated: report, largest: largest,
      explanation: explanation(cost, report, runs.trace))
  }

  /// The formula for a step of the sequences that ran on average, without and with part of a prompt.
  private func explanation(
    _ cost: RoofStepCost, _ report: ServingReport, _ trace: RequestTrace
  ) -> [String] {
    let sequences = max(1, Int(report.running.mean.rounded()))
    let tokens = trace.tokens
    let depth =
      (Double(tokens.prompt) + Double(tokens.generated) / 2) / Double(trace.requests.count)
    var step = ServingStep(
      decodes: sequences, decodeReads: (Double(sequences) * depth).rounded())
    let plain = cost.explanation(of: step)
    step.addChunk(start: 0, count: chunk)
    return plain + cost.explanation(of: step)
  }

  private func width(
    _ bits: Double, _ form: ServedForm, _ runs: inout TrafficRuns
  ) throws -> TrafficReport.Width? {
    var form = form
    form.cacheBits = bits
    form.seatBlocks = 0
    let capacity = capacity(form)
    let limits = limits(form, capacity)
    let cost = RoofStepCost(model: shape, peaks: peaks, form: form, split: options.split)
    let (report, largest) = try runs.run(limits) { cost.seconds($0) }
    var users: Double?
    if let largest, largest.rate > 0, runs.trace.span > 0 {
      let there = try runs.simulate(
        runs.trace.scaled(by: largest.rate / runs.trace.rate), limits
      ) { cost.seconds($0) }
      users = there.requestRate * there.whole.mean
    }
    let mean =
      Double(runs.trace.requests.reduce(0) { $0 + $1.longest })
      / Double(max(1, runs.trace.requests.count))
    return TrafficReport.Width(
      bits: bits, bytesPerToken: capacity.blockBytes / Double(capacity.blockTokens),
      blocks: capacity.blocks,
      fitting: options.replicas * capacity.sequences(of: Int(mean.rounded(.up)), seatBlocks: 0),
      simulated: report, largest: largest, users: users)
  }
}

extension ServingCapacity {
  /// - Throws: `EngineError.cannotServe` where weights leave no block of cache.
  func check(_ form: ServedForm, on peaks: MachinePeaks, ways: Int) throws {
    guard blocks > 0 else {
      throw EngineError.cannotServe(
        form: form.name, machine: peaks.name, ways: ways, needed: weightBytes + activationBytes,
        found: budget)
    }
  }
}
