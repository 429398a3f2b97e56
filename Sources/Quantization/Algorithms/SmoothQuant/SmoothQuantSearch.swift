import Models
import Operators
import Platform
import Tensors

/// Searches how much SmoothQuant should move between one norm, or layer, and those after it.
///
/// Each strength is judged by the outputs of the layers that share the input, in the W8A8 form and by the kernels that
/// will run them, against the same layers in float32.
struct SmoothQuantSearch {
  /// From 0.3 to 0.9 in steps of 0.05.
  static let strengths: [Double] = (6...18).map { Double($0) / 20 }
  /// Tokens that outputs are compared on, at least.
  static let tokens = 2048

  let form: Int8Form
  let draft: BlockDraft
  let context: ExecutionContext

  /// What the outputs lose at each strength, and the least.
  ///
  /// - Parameters:
  ///   - targets: the layers that share the input.
  ///   - scales: what their columns are multiplied by at a strength, `[columns]`.
  /// - Throws: `QuantizationError.noFiniteLoss`, and what packing and the job's checkpoint throw.
  func run(
    over targets: [Projection], inputs: ChannelRanges, scales: (Double) -> [Float]
  ) throws -> SearchCurve {
    let layers = targets.map { draft[$0] }.filter { !$0.staysFloat }
    let expected = try layers.map { layer in
      let plain = try PreparedLinear(
        layer.weight, activation: .float(type: .f32), disabledKernels: context.disabledKernels,
        pool: context.pool)
      return try outputs(of: plain, inputs.sample)
    }
    let losses = try Self.strengths.map { strength in
      try draft.calibration?.pause()
      let loss = try loss(scales(strength), layers, expected, inputs)
      let number = (Self.strengths.firstIndex(of: strength) ?? 0) + 1
      draft.calibration?.report(
        "strength of \(targets.map(\.rawValue).joined(separator: ", "))",
        Double(number) / Double(Self.strengths.count))
      return loss
    }
    let names = targets.map(\.rawValue).joined(separator: ", ")
    let finite = losses.indices.filter { losses[$0].isFinite }
    guard let best = finite.min(by: { losses[$0] < losses[$1] }) else {
      throw QuantizationError.noFiniteLoss(
        layers: "block \(draft.index) \(names)", tried: losses.count)
    }
    return SearchCurve(
      title: "smoothing of \(names)", axis: "alpha", positions: Self.strengths, losses: losses,
      best: best)
  }

  /// The squared error of all outputs as a share of their squares.
  private func loss(
    _ scales: [Float], _ layers: [BlockDraft.Layer], _ expected: [[Float]], _ inputs: ChannelRanges
  ) throws -> Double {
    let sample = inputs.sample.divided(by: scales)
    let activation = form.activations.format(range: inputs.range(dividedBy: scales))
    var sums = ErrorSums()
    for (layer, expected) in zip(layers, expected) {
      var smoothed = layer
      smoothed.weight = try LayerScales(input: scales).applied(to: layer.weight)
      smoothed.weight = try form.rounded(smoothed, draft)
      let prepared = try PreparedLinear(
        smoothed.weight, activation: activation, disabledKernels: context.disabledKernels,
        pool: context.pool)
      let found = try outputs(of: prepared, sample)
      sums.add(
        expected.withUnsafeBufferPointer { expected in
          found.withUnsafeBufferPointer { found in
            guard let first = expected.baseAddress, let second = found.baseAddress else {
              return ErrorSums()
            }
            return context.compare(first, second, count: expected.count)
          }
        })
    }
    return sums.relativeError
  }

  /// What a layer without bias makes of the sample, `[tokens, rows]`.
  private func outputs(of layer: PreparedLinear, _ sample: TokenSample) throws -> [Float] {
    try HeapMemory.expect(sample.tokens * layer.rows, of: MemoryLayout<Float>.stride)
    return try [Float](unsafeUninitializedCapacity: sample.tokens * layer.rows) { buffer, count in
      try sample.values.withUnsafeBufferPointer { inputs in
        guard let output = buffer.baseAddress, let inputs = inputs.baseAddress else { return }
        try context.linear([layer], input: inputs, tokens: sample.tokens, outputs: [output])
        count = sample.tokens * layer.rows
      }
    }
  }
}
