internal import CKernels

/// A row-major matrix at an address that stays, and its transpose.
final class KVMatrix: Sendable {
  let rows: Int
  let columns: Int
  /// `[rows, columns]`, then `[columns, rows]`.
  nonisolated(unsafe) private let storage: UnsafeMutablePointer<Float>

  init(rows: Int, columns: Int, _ values: [Float]) {
    precondition(values.count == rows * columns, "a matrix of \(rows) x \(columns)")
    self.rows = rows
    self.columns = columns
    storage = .allocate(capacity: max(1, 2 * values.count))
    storage.initialize(from: values, count: values.count)
    for row in 0..<rows {
      for column in 0..<columns {
        (storage + values.count + column * rows + row).initialize(
          to: values[row * columns + column])
      }
    }
  }

  deinit { storage.deallocate() }

  var pointer: UnsafePointer<Float> { UnsafePointer(storage) }

  /// `out = x M^T`: the matrix times each of `count` vectors of `columns` numbers.
  func multiply(
    _ x: UnsafePointer<Float>, stride: Int, rows count: Int,
    into out: UnsafeMutablePointer<Float>, outStride: Int, by kernels: AttentionKernels? = nil
  ) {
    (kernels?.transform ?? nk_transform_rows_generic)(
      storage + rows * columns, Int32(columns), Int32(rows), x, stride, Int32(count), out, outStride
    )
  }

  /// `out = x M`: the transposed matrix times each of `count` vectors of `rows` numbers.
  func multiplyTransposed(
    _ x: UnsafePointer<Float>, stride: Int, rows count: Int,
    into out: UnsafeMutablePointer<Float>, outStride: Int, by kernels: AttentionKernels? = nil
  ) {
    (kernels?.transform ?? nk_transform_rows_generic)(
      storage, Int32(rows), Int32(columns), x, stride, Int32(count), out, outStride)
  }
}
