package import Platform

/// The weight of a linear layer, `[rows, columns]` = `[output channels, input channels]`.
///
/// A weight describes and yields values; it never multiplies (see `Operators`).
package protocol LinearWeight: AnyObject, Sendable {
  /// How values are coded.
  var format: WeightFormat { get }
  /// Output channels.
  var rows: Int { get }
  /// Input channels.
  var columns: Int { get }
  /// Bytes of codes, scales and zero points.
  var byteCount: Int { get }
  /// Bytes that a weight of this form takes at another size: `byteCount` at its own.
  func byteCount(rows: Int, columns: Int) -> Int
  /// Writes the values of `rows` to `output`, `[rows.count, columns]`, as float32.
  func dequantize(rows: Range<Int>, into output: UnsafeMutablePointer<Float>)
}

extension LinearWeight {
  package func byteCount(rows: Int, columns: Int) -> Int {
    format.byteCount(rows: rows, columns: columns)
  }

  /// Bits of one weight with its share of scales and zero points; 0 for no weights.
  package var bitsPerWeight: Double {
    rows * columns == 0 ? 0 : Double(byteCount) * 8 / (Double(rows) * Double(columns))
  }

  /// The same values as floating-point numbers: the weight itself, or a copy in float32 of one that is quantized.
  ///
  /// - Throws: `TensorError` for sizes that no tensor has; `PlatformError.memoryRefused`.
  package func decoded() throws -> any LinearWeight {
    guard !format.isFloat else { return self }
    try expectRoom(2 * MemoryLayout<Float>.stride)
    let shape = try Shape(checking: [rows, columns])
    return try DenseWeight(TensorView(dtype: .f32, shape: shape, copying: dequantized()))
  }

  /// Looks whether the system would give so many bytes for each value now, before arrays are made of them.
  ///
  /// - Throws: `PlatformError.memoryRefused` with the bytes.
  package func expectRoom(_ bytes: Int) throws(PlatformError) {
    let (count, isBeyond) = rows.multipliedReportingOverflow(by: columns)
    try HeapMemory.expect(isBeyond ? Int.max : count, of: bytes)
  }

  /// All values as float32, `[rows, columns]`.
  package func dequantized() -> [Float] {
    [Float](unsafeUninitializedCapacity: rows * columns) { buffer, count in
      if let base = buffer.baseAddress { dequantize(rows: 0..<rows, into: base) }
      count = rows * columns
    }
  }
}

/// A weight stored as floating-point numbers, usually a view of a mapped checkpoint.
package final class DenseWeight: LinearWeight {
  package let view: TensorView
  package let rows: Int
  package let columns: Int

  /// Wraps a view of shape `[rows, columns]`.
  ///
  /// - Throws: `TensorError` when the view has another rank or holds no floating-point numbers.
  package init(_ view: TensorView) throws {
    guard view.shape.dimensions.count == 2 else {
      throw TensorError.rankMismatch(expected: 2, found: view.shape)
    }
    guard view.dtype.isFloat else {
      throw TensorError.notFloat(found: view.dtype)
    }
    self.view = view
    rows = view.shape.dimensions[0]
    columns = view.shape.dimensions[1]
  }

  package var format: WeightFormat { .dense(view.dtype) }
  package var byteCount: Int { byteCount(rows: rows, columns: columns) }

  package func dequantize(rows: Range<Int>, into output: UnsafeMutablePointer<Float>) {
    view.copyFloats(elements: rows.lowerBound * columns..<rows.upperBound * columns, into: output)
  }
}
