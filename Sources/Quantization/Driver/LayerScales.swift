package import Tensors

/// What a layer's channels have been multiplied by, so that the work is shared with its neighbours otherwise.
///
/// The layer in use is `diag(1 / output) W diag(input)` of the original `W`: its input comes divided by `input`, its
/// output leaves divided by `output`.
package struct LayerScales: Hashable, Sendable {
  /// `[columns]`; nil where nothing was moved.
  package var input: [Float]?
  /// `[rows]`; nil where nothing was moved.
  package var output: [Float]?

  package init(input: [Float]? = nil, output: [Float]? = nil) {
    self.input = input
    self.output = output
  }

  /// Whether nothing was moved.
  package var isIdentity: Bool { input == nil && output == nil }

  /// These scales with others moved on top of them.
  package func composed(with next: LayerScales) -> LayerScales {
    func product(_ first: [Float]?, _ second: [Float]?) -> [Float]? {
      guard let first, let second else { return first ?? second }
      return zip(first, second).map { $0 * $1 }
    }
    return LayerScales(
      input: product(input, next.input), output: product(output, next.output))
  }

  /// `diag(1 / output) W diag(input)`, stored as BF16, FP16 or else float32.
  ///
  /// - Throws: `TensorError` when memory and shape disagree, which the weight rules out.
  package func applied(
    to weight: any LinearWeight, storedAs type: DType = .f32
  ) throws -> DenseWeight {
    // The values, and their copy in the type they are stored as.
    try weight.expectRoom(2 * MemoryLayout<Float>.stride)
    var values = weight.dequantized()
    let columns = weight.columns
    let factors = input ?? [Float](repeating: 1, count: columns)
    values.withUnsafeMutableBufferPointer { values in
      factors.withUnsafeBufferPointer { factors in
        guard let values = values.baseAddress, let factors = factors.baseAddress else { return }
        for row in 0..<weight.rows {
          let divisor = output.map { $0[row] } ?? 1
          let line = values + row * columns
          for column in 0..<columns { line[column] *= factors[column] / divisor }
        }
      }
    }
    let shape = try Shape(checking: [weight.rows, columns])
    let view =
      switch type {
      case .bf16:
        try TensorView(dtype: .bf16, shape: shape, copying: values.map(FloatFormats.bf16))
      case .f16: try TensorView(dtype: .f16, shape: shape, copying: values.map(FloatFormats.f16))
      default: try TensorView(dtype: .f32, shape: shape, copying: values)
      }
    return try DenseWeight(view)
  }
}
