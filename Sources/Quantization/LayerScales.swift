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

  /// `diag(1 / output) W diag(input)`, stored as BF16, FP16 or else float32.
  ///
  /// - Throws: `TensorError` when memory and shape disagree, which the weight rules out.
  package func applied(
    to weight: any LinearWeight, storedAs type: DType = .f32
  ) throws -> DenseWeight {
    var values = weight.dequantized()
    let columns = weight.columns
    values.withUnsafeMutableBufferPointer { values in
      for row in 0..<weight.rows {
        let divisor = output.map { $0[row] } ?? 1
        for column in 0..<columns {
          values[row * columns + column] *= (input.map { $0[column] } ?? 1) / divisor
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
