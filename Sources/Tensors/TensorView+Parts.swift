/// Parts of matrices as checkpoints need them where several layers lie in one tensor, or lie across.
extension TensorView {
  /// Some rows of a matrix, in place.
  ///
  /// - Throws: `TensorError.rankMismatch` for what is no matrix, `.rowsOutOfBounds`.
  package func rows(_ rows: Range<Int>) throws(TensorError) -> TensorView {
    guard shape.dimensions.count == 2 else { throw .rankMismatch(expected: 2, found: shape) }
    guard rows.lowerBound >= 0, rows.upperBound <= shape.dimensions[0] else {
      throw .rowsOutOfBounds(rows: rows, shape: shape)
    }
    let part = try Shape(checking: [rows.count, shape.dimensions[1]])
    let size = shape.dimensions[0] > 0 ? bytes.count / shape.dimensions[0] : 0
    return try TensorView(
      dtype: dtype, shape: part,
      bytes: UnsafeRawBufferPointer(
        rebasing: bytes[rows.lowerBound * size..<rows.upperBound * size]), owner: owner)
  }

  /// Rows of a matrix that stand `step` apart, in memory of their own; numbers of whole bytes.
  ///
  /// - Throws: `TensorError.rankMismatch` for what is no matrix, `.rowsOutOfBounds`.
  package func everyRow(
    from first: Int, step: Int, count: Int
  ) throws(TensorError) -> TensorView {
    guard shape.dimensions.count == 2 else { throw .rankMismatch(expected: 2, found: shape) }
    let end = count > 0 ? first + (count - 1) * step + 1 : first
    guard first >= 0, step > 0, count >= 0, end <= shape.dimensions[0] else {
      throw .rowsOutOfBounds(rows: max(0, first)..<max(0, first, end), shape: shape)
    }
    let size = shape.dimensions[1] * dtype.bits / 8
    var chosen: [UInt8] = []
    chosen.reserveCapacity(count * size)
    withExtendedLifetime(owner) {
      for row in 0..<count {
        chosen += bytes[(first + row * step) * size..<(first + row * step + 1) * size]
      }
    }
    return try TensorView(
      dtype: dtype, shape: Shape(checking: [count, shape.dimensions[1]]), copying: chosen)
  }

  /// A matrix with rows and columns exchanged, in memory of its own; numbers of whole bytes.
  ///
  /// - Throws: `TensorError.rankMismatch` for what is no matrix.
  package func transposed() throws(TensorError) -> TensorView {
    guard shape.dimensions.count == 2 else { throw .rankMismatch(expected: 2, found: shape) }
    let (rows, columns) = (shape.dimensions[0], shape.dimensions[1])
    let size = dtype.bits / 8
    var turned = [UInt8](repeating: 0, count: bytes.count)
    for row in 0..<rows {
      for column in 0..<columns {
        for byte in 0..<size {
          let place = (row * columns + column) * size + byte
          turned[(column * rows + row) * size + byte] = bytes[place]
        }
      }
    }
    return try TensorView(
      dtype: dtype, shape: Shape(checking: [columns, rows]), copying: turned)
  }
}
