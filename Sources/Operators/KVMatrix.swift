internal import COpenBLAS

/// A row-major matrix at an address that stays.
final class KVMatrix: Sendable {
  let rows: Int
  let columns: Int
  nonisolated(unsafe) private let storage: UnsafeMutablePointer<Float>

  init(rows: Int, columns: Int, _ values: [Float]) {
    precondition(values.count == rows * columns, "a matrix of \(rows) x \(columns)")
    self.rows = rows
    self.columns = columns
    storage = .allocate(capacity: max(1, values.count))
    storage.initialize(from: values, count: values.count)
  }

  deinit { storage.deallocate() }

  var pointer: UnsafePointer<Float> { UnsafePointer(storage) }

  /// `out = x M^T`: the matrix times each of `count` vectors of `columns` numbers.
  func multiply(
    _ x: UnsafePointer<Float>, stride: Int, rows count: Int,
    into out: UnsafeMutablePointer<Float>, outStride: Int
  ) {
    cblas_sgemm(
      Int32(CblasRowMajor), Int32(CblasNoTrans), Int32(CblasTrans), Int32(count), Int32(rows),
      Int32(columns), 1, x, Int32(stride), storage, Int32(columns), 0, out, Int32(outStride))
  }

  /// `out = x M`: the transposed matrix times each of `count` vectors of `rows` numbers.
  func multiplyTransposed(
    _ x: UnsafePointer<Float>, stride: Int, rows count: Int,
    into out: UnsafeMutablePointer<Float>, outStride: Int
  ) {
    cblas_sgemm(
      Int32(CblasRowMajor), Int32(CblasNoTrans), Int32(CblasNoTrans), Int32(count), Int32(columns),
      Int32(rows), 1, x, Int32(stride), storage, Int32(columns), 0, out, Int32(outStride))
  }
}
