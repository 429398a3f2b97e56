import Checkpoints
package import Operators
package import Platform
package import Quantization
import Tensors

/// One linear layer quantized by itself, each step timed: what a method costs without a model around it.
package struct LayerTrial {
  package let sample: LayerSample
  package let choice: MethodChoice
  private let method: any LayerTrialMethod
  private let pool: WorkerPool
  private let provider: ExecutionProvider

  /// - Throws: `QuantizationError` or `EngineError.noTrial` for a choice that cannot be tried.
  package init(
    _ sample: LayerSample, _ choice: MethodChoice, pool: WorkerPool,
    provider: ExecutionProvider = .best
  ) throws {
    self.sample = sample
    self.choice = choice
    self.pool = pool
    self.provider = provider
    method = try LayerTrialMethods.make(choice)
  }

  /// Quantizes the layer `repetitions` times and compares the last result with the weights.
  ///
  /// - Parameter progress: called before each repetition, and after the last.
  /// - Returns: the report, and the values of the quantized weight, `[rows, columns]`.
  package func run(
    repetitions: Int, progress: (_ done: Int, _ total: Int) throws -> Void = { _, _ in }
  ) throws -> (report: LayerTrialReport, values: [Float]) {
    let repetitions = max(1, repetitions)
    var clocks: [LayerClock] = []
    func quantize() throws -> LayerTrialOutcome {
      try progress(clocks.count, repetitions)
      var clock = LayerClock()
      let outcome = try method.quantize(sample, pool: pool, provider: provider, clock: &clock)
      clocks.append(clock)
      return outcome
    }
    var outcome = try quantize()
    while clocks.count < repetitions { outcome = try quantize() }
    // Read before anything is compared: that is no part of the method.
    let peak = Machine.peakResidentBytes() ?? 0
    try progress(repetitions, repetitions)
    let values = outcome.values ?? outcome.weight.dequantized()
    return (try report(clocks, outcome, values, peak: peak), values)
  }

  private func report(
    _ clocks: [LayerClock], _ outcome: LayerTrialOutcome, _ values: [Float], peak: Int
  ) throws -> LayerTrialReport {
    let format = outcome.weight.format
    let nearest = try RoundToNearest.quantize(
      sample.layer(),
      as: WeightFormat(
        code: format.code, granularity: format.granularity, isSymmetric: format.isSymmetric),
      .init(grid: .gptq), layer: "the layer", pool: pool)
    let whole = energy(sample.weights)
    let lost = energy(difference(values))
    let nearestLost = energy(difference(nearest.weight.dequantized()))
    let factor = 2 / Double(sample.sequences)
    let names = clocks[0].phases.map(\.name)
    return LayerTrialReport(
      method: choice, rows: sample.rows, columns: sample.columns, tokens: sample.tokens,
      threads: pool.threads, provider: provider, repetitions: clocks.count,
      phases: names.map { name in
        Self.phase(
          name, clocks.map { $0.phases.first { $0.name == name }?.seconds ?? 0 })
      },
      total: Self.phase("total", clocks.map { $0.phases.reduce(0) { $0 + $1.seconds } }),
      proxyLoss: lost * factor, nearestProxyLoss: nearestLost * factor,
      relativeError: whole > 0 ? (lost / whole).squareRoot() : 0,
      nearestRelativeError: whole > 0 ? (nearestLost / whole).squareRoot() : 0,
      bits: 8 * Double(outcome.weight.byteCount) / Double(sample.weights.count),
      peakResidentBytes: peak, sampleBytes: sample.byteCount, fallback: outcome.fallback)
  }

  private static func phase(_ name: String, _ seconds: [Double]) -> LayerTrialReport.Phase {
    let ordered = seconds.sorted()
    return .init(
      name: name, seconds: (ordered[(ordered.count - 1) / 2] + ordered[ordered.count / 2]) / 2,
      fastest: ordered[0], slowest: ordered[ordered.count - 1])
  }

  private func energy(_ weights: [Float]) -> Double {
    OutputEnergy.sum(
      weights, rows: sample.rows, columns: sample.columns, inputs: sample.inputs,
      tokens: sample.tokens, pool: pool, provider: provider)
  }

  private func difference(_ values: [Float]) -> [Float] {
    zip(sample.weights, values).map { $0 - $1 }
  }

  /// Writes `values`, `[rows, columns]`, as the tensor `weight` of a safetensors file.
  package func write(_ values: [Float], to path: String) throws {
    let writer = try SafetensorsWriter(
      path: path,
      entries: [.init(name: "weight", dtype: .f32, shape: [sample.rows, sample.columns])],
      metadata: ["method": "\(choice)"])
    try writer.write("weight", values)
    try writer.commit()
  }
}
