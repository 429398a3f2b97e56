package import Platform
package import Tensors

/// A tensor of a mapped GGUF file, `[rows, columns]` with columns the file's first dimension.
package struct GGUFTensor: Sendable {
  package let name: String
  package let type: GGUFTensorType
  /// Slowest dimension first, unlike in the file.
  package let shape: Shape
  package let file: MappedFile
  /// Bytes of the file.
  package let range: Range<Int>

  /// The bytes of the blocks, valid while `file` lives.
  package var bytes: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: file.bytes[range])
  }

  /// Numbers in a row.
  package var columns: Int { shape.dimensions.last ?? 1 }
  /// Rows: the product of all dimensions but the last.
  package var rows: Int { shape.elementCount / max(1, columns) }
  /// Bytes of a row of blocks.
  package var rowBytes: Int { range.count / max(1, rows) }

  /// Writes `rows` as float32 to `output`, `[rows.count, columns]`.
  ///
  /// The type must stand for real numbers (`type.isReal`) and the rows must be there.
  package func dequantize(rows: Range<Int>, into output: UnsafeMutablePointer<Float>) {
    precondition(rows.lowerBound >= 0 && rows.upperBound <= self.rows, "rows \(rows) of \(shape)")
    guard let base = bytes.baseAddress else { return }
    withExtendedLifetime(file) {
      GGUFBlocks.decode(
        type, at: base + rows.lowerBound * rowBytes, count: rows.count * columns, into: output)
    }
  }

  /// `rows` as float32, `[rows.count, columns]`.
  ///
  /// - Throws: `CheckpointError.tensor` for integers and for rows that are not there.
  package func floats(rows: Range<Int>) throws(CheckpointError) -> [Float] {
    guard rows.lowerBound >= 0, rows.upperBound <= self.rows else {
      throw .tensor(file: file.path, name: name, .rowsOutOfBounds(rows: rows, shape: shape))
    }
    guard type.isReal else {
      throw .tensor(
        file: file.path, name: name,
        .invalidWeight("expected floating-point numbers, found \(type)"))
    }
    try CheckpointError.wrapping { () throws(PlatformError) in
      try HeapMemory.expect(rows.count * columns, of: MemoryLayout<Float>.stride)
    }
    return [Float](unsafeUninitializedCapacity: rows.count * columns) { buffer, count in
      if let base = buffer.baseAddress { dequantize(rows: rows, into: base) }
      count = rows.count * columns
    }
  }

  /// The tensor as a view: of the mapped bytes for plain numbers, of a float32 copy for block types.
  package func view() throws(CheckpointError) -> TensorView {
    do throws(TensorError) {
      if let dtype = type.plain {
        return try TensorView(dtype: dtype, shape: shape, bytes: bytes, owner: file)
      }
    } catch {
      throw .tensor(file: file.path, name: name, error)
    }
    try CheckpointError.wrapping { () throws(PlatformError) in
      try HeapMemory.expect(2 * shape.elementCount, of: MemoryLayout<Float>.stride)
    }
    let floats = try floats(rows: 0..<rows)
    do throws(TensorError) {
      return try TensorView(dtype: .f32, shape: shape, copying: floats)
    } catch {
      throw .tensor(file: file.path, name: name, error)
    }
  }

  /// Tells the system that the tensor's pages will not be needed soon.
  package func release() { file.release(range) }
}
