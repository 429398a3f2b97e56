import Checkpoints
import Models
package import Operators
package import Platform
package import Quantization
package import Tensors
import Wording

/// One linear layer quantized by itself, each step timed: what a method costs without a model around it.
///
/// The method is run as it is on a block, with a draft of this one layer.
package struct LayerTrial {
  /// What one repetition took.
  private struct Times {
    var steps: [(name: String, seconds: Double)]
    var seconds: Double
  }

  package let sample: LayerSample
  /// The choice with a group that fits the layer.
  package let choice: MethodChoice
  /// What of the choice gave way to the layer; nil for nothing.
  package let note: String?
  private let method: any QuantizationMethod
  private let context: ExecutionContext
  private var pool: WorkerPool { context.pool }

  /// - Throws: `QuantizationError` for a choice there is not, `OperatorError` for a provider this machine cannot run.
  package init(
    _ sample: LayerSample, _ choice: MethodChoice, pool: WorkerPool,
    provider: ExecutionProvider = .best
  ) throws {
    self.sample = sample
    let fitted = try Recipe(weights: choice).fitted(to: [
      StandardGroup.Width(layer: LoneLayer.name, columns: sample.columns)
    ])
    self.choice = fitted.recipe.weights ?? choice
    note = fitted.note
    context = try ExecutionContext(pool: pool, provider: provider)
    method = try QuantizationMethods.make(self.choice, target: .weights)
  }

  /// Quantizes the layer `repetitions` times and compares the last result with the weights.
  ///
  /// - Parameter progress: called before each repetition, and after the last.
  /// - Returns: the report, and the values of the quantized weight, `[rows, columns]`.
  /// - Throws: what the method throws, and `EngineError.badLayer` for a layer that needs more memory than is free.
  package func run(
    repetitions: Int, progress: (_ done: Int, _ total: Int) throws -> Void = { _, _ in }
  ) throws -> (report: LayerTrialReport, values: [Float]) {
    try checkMemory()
    let repetitions = max(1, repetitions)
    var times: [Times] = []
    func quantize() throws -> BlockDraft.Layer {
      try progress(times.count, repetitions)
      let found = try self.quantize()
      times.append(found.times)
      return found.layer
    }
    var layer = try quantize()
    while times.count < repetitions { layer = try quantize() }
    // Read before anything is compared: that is no part of the method.
    let peak = Machine.peakResidentBytes() ?? 0
    try progress(repetitions, repetitions)
    let values = Self.values(of: layer)
    return (try report(times, layer, values, peak: peak), values)
  }

  /// The draft of the layer, run by the method.
  private func quantize() throws -> (layer: BlockDraft.Layer, times: Times) {
    let calibration =
      method.calibration == .activations
      ? BlockCalibration(
        LoneLayer(
          inputs: sample.inputs, columns: sample.columns, sequence: LayerSample.sequenceLength),
        context: context) : nil
    var draft = BlockDraft(
      index: 0,
      layers: [
        .init(
          projection: LoneLayer.projection, name: LoneLayer.name, weight: try sample.layer(),
          activation: .float(type: .f32))
      ], pool: pool, calibration: calibration)
    let start = Machine.seconds()
    try draft.run([method])
    let seconds = Machine.seconds() - start
    return (draft.layers[0], Times(steps: draft.clock.steps, seconds: seconds))
  }

  /// What the weight amounts to on the inputs as they are, `[rows, columns]`.
  ///
  /// The layer in front would divide its output by the scale that moved; here the weight takes it back.
  private static func values(of layer: BlockDraft.Layer) -> [Float] {
    var values = layer.weight.dequantized()
    guard let scales = layer.scales.input else { return values }
    let factors = scales.map { 1 / $0 }
    for first in stride(from: 0, to: values.count, by: factors.count) {
      for (channel, factor) in factors.enumerated() { values[first + channel] *= factor }
    }
    return values
  }

  private func checkMemory() throws {
    let needed = method.cost(
      of: BlockSizes(LoneLayer.plan(rows: sample.rows, columns: sample.columns)),
      tokens: sample.tokens
    ).bytes
    if let free = Machine.memoryAvailable(), needed > free {
      throw EngineError.badLayer(
        item: "columns",
        expected: "what \(choice.method) holds to fit the \(Quantity.bytes(free)) free",
        found: "\(sample.columns) columns, \(Quantity.bytes(needed))")
    }
  }

  private func report(
    _ times: [Times], _ layer: BlockDraft.Layer, _ values: [Float], peak: Int
  ) throws -> LayerTrialReport {
    let format = layer.weight.format
    let nearest = try RoundToNearest.quantize(
      sample.layer(),
      as: WeightFormat(
        code: format.code, granularity: format.granularity, isSymmetric: format.isSymmetric),
      .init(grid: .gptq), layer: LoneLayer.name, pool: pool)
    let whole = energy(sample.weights)
    let lost = energy(difference(values))
    let nearestLost = energy(difference(nearest.weight.dequantized()))
    let factor = 2 / Double(sample.sequences)
    let names = times[0].steps.map(\.name)
    return LayerTrialReport(
      method: choice, rows: sample.rows, columns: sample.columns, tokens: sample.tokens,
      threads: pool.threads, provider: context.provider, repetitions: times.count,
      phases: names.map { name in
        Self.phase(
          name, times.map { $0.steps.first { $0.name == name }?.seconds ?? 0 })
      },
      total: Self.phase("total", times.map(\.seconds)),
      proxyLoss: lost * factor, nearestProxyLoss: nearestLost * factor,
      relativeError: whole > 0 ? (lost / whole).squareRoot() : 0,
      nearestRelativeError: whole > 0 ? (nearestLost / whole).squareRoot() : 0,
      bits: 8 * Double(layer.weight.byteCount) / Double(sample.weights.count),
      peakResidentBytes: peak, sampleBytes: sample.byteCount, fallback: layer.fallback)
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
      tokens: sample.tokens, pool: pool, provider: context.provider)
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

extension LayerSample {
  /// Tokens of a sequence: the length GPTQ's reference calibrates with.
  static let sequenceLength = 2048

  /// Sequences the inputs are taken as; the last may be shorter.
  var sequences: Int { (tokens + Self.sequenceLength - 1) / Self.sequenceLength }

  /// The weights as a layer.
  package func layer() throws -> DenseWeight {
    try DenseWeight(TensorView(dtype: .f32, shape: [rows, columns], copying: weights))
  }
}
