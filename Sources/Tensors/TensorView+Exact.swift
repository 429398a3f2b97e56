/// Numbers in the smallest type that holds every one of them.
extension TensorView {
  /// A tensor in BF16, or else FP16, where that changes no number; in float32 where both would.
  ///
  /// - Throws: `TensorError.byteCountMismatch` unless there are as many numbers as the shape says.
  package static func exact(_ values: [Float], shape: Shape) throws(TensorError) -> TensorView {
    if values.allSatisfy({ FloatFormats.float(bf16: FloatFormats.bf16($0)) == $0 }) {
      return try TensorView(dtype: .bf16, shape: shape, copying: values.map(FloatFormats.bf16))
    }
    if values.allSatisfy({ FloatFormats.float(f16: FloatFormats.f16($0)) == $0 }) {
      return try TensorView(dtype: .f16, shape: shape, copying: values.map(FloatFormats.f16))
    }
    return try TensorView(dtype: .f32, shape: shape, copying: values)
  }
}

extension LinearWeight {
  /// The same values as floating-point numbers, in the smallest type that holds every one of them.
  ///
  /// - Throws: `TensorError` for sizes that no tensor has.
  package func exact() throws -> DenseWeight {
    if let dense = self as? DenseWeight { return dense }
    return try DenseWeight(
      .exact(dequantized(), shape: Shape(checking: [rows, columns])))
  }
}
