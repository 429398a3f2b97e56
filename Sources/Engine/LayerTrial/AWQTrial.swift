import Operators
import Platform
import Quantization
import Tensors

/// AWQ of one layer by itself: the scale that lessens the error of its own output, clipped ranges, rounding.
struct AWQTrial: LayerTrialMethod {
  static let method = AWQMethod.describes.name

  private let values: OptionValues

  init(options: OptionValues) { values = options }

  func quantize(
    _ sample: LayerSample, pool: WorkerPool, provider: ExecutionProvider, clock: inout LayerClock
  ) throws -> LayerTrialOutcome {
    let size = values.integer("group")
    let isSymmetric = values.flag("symmetric")
    let convention: Grid.Convention = isSymmetric ? .absmax : .awq
    let bits = values.integer("bits")
    let options = AWQ.Options(
      group: size > 0 ? size : nil,
      scaling: AWQ.Scaling(rawValue: values.choice("scaling")) ?? .activations,
      ratios: values.integer("ratios"), clips: values.flag("clip"))
    var layer = try AWQ.Layer(
      name: "the layer", rows: sample.rows, columns: sample.columns, weights: sample.weights,
      grid: Grid(convention, bits: bits, isSymmetric: isSymmetric))
    let inputs = clock.time("moments of the inputs") {
      var inputs = AWQInputs(
        columns: sample.columns, expected: sample.tokens, gathersMoments: true)
      sample.inputs.withUnsafeBufferPointer { values in
        guard let base = values.baseAddress else { return }
        inputs.add(base, tokens: sample.tokens, pool: pool, provider: provider)
      }
      return inputs
    }
    let scales = try clock.time("scale search") {
      let search = try AWQScaleSearch([layer], magnitudes: inputs.magnitudes, options, pool: pool)
      guard let outputError = inputs.outputError else { return [Float]() }
      return try search.run(outputError).scales
    }
    var weights = sample.weights
    scale(&weights, by: scales)
    if options.clips {
      layer = try AWQ.Layer(
        name: layer.name, rows: layer.rows, columns: layer.columns, weights: weights,
        grid: layer.grid)
      let clip = try clock.time("clip search") {
        try AWQClipSearch.search(
          layer, sample: inputs.sample.divided(by: scales), options, pool: pool)
      }
      clip.clip(&weights)
    }
    let outcome = try clock.time("rounding") {
      try RoundToNearest.quantize(
        DenseWeight(
          TensorView(dtype: .f32, shape: [sample.rows, sample.columns], copying: weights)),
        as: WeightFormat(
          code: .integer(bits: bits),
          granularity: size > 0 ? .group(size: size) : .channel, isSymmetric: isSymmetric),
        .init(grid: convention), layer: layer.name, pool: pool)
    }
    // The layer in front would divide its output; here the weight takes the scale back.
    var made = outcome.weight.dequantized()
    scale(&made, by: scales.map { 1 / $0 })
    return LayerTrialOutcome(
      weight: outcome.weight, values: made, fallback: outcome.fallback)
  }

  private func scale(_ weights: inout [Float], by scales: [Float]) {
    guard !scales.isEmpty else { return }
    for first in stride(from: 0, to: weights.count, by: scales.count) {
      for (channel, scale) in scales.enumerated() { weights[first + channel] *= scale }
    }
  }
}
