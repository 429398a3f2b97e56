import COpenBLAS

/// One block of columns of GPTQ.
struct GPTQBlock {
  let grid: Grid
  let columns: Int
  let start: Int
  let width: Int
  /// The rows of `InverseFactor`, `[columns, columns]`.
  let inverse: UnsafePointer<Float>

  /// Rounds the block's columns of one row, `[columns]`, and leaves the errors, `[width]`.
  ///
  /// - Parameters:
  ///   - order: the original column of each position, where codes go.
  ///   - parameters: the grid of a position.
  /// - Returns: the loss.
  @inline(__always)
  func round(
    _ values: UnsafeMutablePointer<Float>, order: [Int], errors: UnsafeMutablePointer<Float>,
    codes: UnsafeMutablePointer<UInt8>, parameters: (_ position: Int) -> GridParameters
  ) -> Double {
    var loss = 0.0
    let end = start + width
    for position in start..<end {
      let found = parameters(position)
      let pivots = inverse + position * columns
      let value = values[position]
      let code = grid.encode(value, found)
      codes[order[position]] = code
      let rounded = found.scale * (Float(code) - Float(found.zero))
      let error = (value - rounded) / pivots[position]
      loss += Double(error) * Double(error) / 2
      errors[position - start] = error
      for later in position + 1..<end { values[later] -= error * pivots[later] }
    }
    return loss
  }

  /// Takes the errors of `rows` rows out of the columns behind the block.
  func spread(
    _ errors: UnsafePointer<Float>, stride: Int, over values: UnsafeMutablePointer<Float>, rows: Int
  ) {
    let end = start + width
    guard end < columns else { return }
    cblas_sgemm(
      Int32(CblasRowMajor), Int32(CblasNoTrans), Int32(CblasNoTrans),
      Int32(rows), Int32(columns - end), Int32(width), -1, errors, Int32(stride),
      inverse + start * columns + end, Int32(columns), 1, values + end, Int32(columns))
  }
}
