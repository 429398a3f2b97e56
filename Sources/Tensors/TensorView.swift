/// A dense tensor in memory that something else owns, most often a mapped file.
///
/// Numbers lie in row-major order, little-endian, at any alignment. Nothing is copied or converted until
/// it is asked for, and then only the elements asked for.
package struct TensorView: @unchecked Sendable {
  // Unchecked: the memory is never written while a view of it exists.

  package let dtype: DType
  package let shape: Shape
  /// The bytes, `shape.elementCount * dtype.bits / 8` of them, valid while `owner` lives.
  package let bytes: UnsafeRawBufferPointer
  /// What keeps `bytes` in place.
  package let owner: any AnyObject & Sendable

  /// A view of memory that `owner` keeps in place and that nobody writes.
  ///
  /// - Throws: `TensorError.byteCountMismatch` unless `bytes` is exactly as long as shape and type say.
  package init(
    dtype: DType, shape: Shape, bytes: UnsafeRawBufferPointer, owner: any AnyObject & Sendable
  ) throws(TensorError) {
    let expected = shape.byteCount(of: dtype)
    guard bytes.count == expected else {
      throw .byteCountMismatch(
        dtype: dtype, shape: shape, expected: expected, found: bytes.count)
    }
    self.dtype = dtype
    self.shape = shape
    self.bytes = bytes
    self.owner = owner
  }

  /// A tensor with memory of its own, copied from `bytes`.
  ///
  /// - Throws: `TensorError.byteCountMismatch` unless `bytes` is exactly as long as shape and type say.
  package init(dtype: DType, shape: Shape, copying bytes: UnsafeRawBufferPointer)
    throws(TensorError)
  {
    let storage = OwnedBytes(byteCount: bytes.count)
    storage.fill { $0.copyMemory(from: bytes) }
    try self.init(dtype: dtype, shape: shape, bytes: storage.bytes, owner: storage)
  }

  /// A tensor with memory of its own, copied from numbers of the width of `dtype`.
  ///
  /// - Throws: `TensorError.byteCountMismatch` unless there are as many as shape and type say.
  package init<Element: BitwiseCopyable>(dtype: DType, shape: Shape, copying elements: [Element])
    throws(TensorError)
  {
    let storage = OwnedBytes(byteCount: elements.count * MemoryLayout<Element>.stride)
    elements.withUnsafeBytes { elements in storage.fill { $0.copyMemory(from: elements) } }
    try self.init(dtype: dtype, shape: shape, bytes: storage.bytes, owner: storage)
  }

  /// Writes the numbers of `elements`, counted over the whole tensor in row-major order, to `output`.
  ///
  /// The type must be a floating-point one (`dtype.isFloat`) and the range inside the tensor: both are
  /// the caller's to have checked, once a tensor and not once a row, and stop the program otherwise.
  package func copyFloats(elements: Range<Int>, into output: UnsafeMutablePointer<Float>) {
    precondition(dtype.isFloat, "\(dtype) holds no floating-point numbers")
    precondition(
      elements.lowerBound >= 0 && elements.upperBound <= shape.elementCount,
      "elements \(elements) of a tensor of \(shape)")
    guard let base = bytes.baseAddress, !elements.isEmpty else { return }
    withExtendedLifetime(owner) {
      FloatFormats.decode(dtype, at: base, elements: elements, into: output)
    }
  }

  /// The numbers of `rows` as float32, `[rows.count, ...]`; a row is one index of the first dimension.
  ///
  /// - Throws: `TensorError.notFloat` for integers, `.rankMismatch` for a scalar, `.rowsOutOfBounds`.
  package func floats(rows: Range<Int>) throws(TensorError) -> [Float] {
    guard let count = shape.dimensions.first else {
      throw .rankMismatch(expected: 1, found: shape)
    }
    guard rows.lowerBound >= 0, rows.upperBound <= count else {
      throw .rowsOutOfBounds(rows: rows, shape: shape)
    }
    let width = count == 0 ? 0 : shape.elementCount / count
    return try floats(elements: rows.lowerBound * width..<rows.upperBound * width)
  }

  /// All numbers as float32.
  ///
  /// - Throws: `TensorError.notFloat` for integers.
  package func floats() throws(TensorError) -> [Float] {
    try floats(elements: 0..<shape.elementCount)
  }

  /// A copy of all numbers as they are stored; `Element` must be as wide as `dtype`.
  ///
  /// - Throws: `TensorError.typeMismatch` for another width.
  package func elements<Element: BitwiseCopyable>(as type: Element.Type) throws(TensorError)
    -> [Element]
  {
    guard MemoryLayout<Element>.stride * 8 == dtype.bits else {
      throw .typeMismatch(expected: "\(Element.self)", found: dtype)
    }
    return withExtendedLifetime(owner) {
      [Element](unsafeUninitializedCapacity: shape.elementCount) { buffer, count in
        UnsafeMutableRawBufferPointer(buffer).copyMemory(from: bytes)
        count = shape.elementCount
      }
    }
  }

  /// The same numbers under another shape.
  ///
  /// - Throws: `TensorError.shapeMismatch` when the number of elements differs.
  package func reshaped(_ shape: Shape) throws(TensorError) -> TensorView {
    guard shape.elementCount == self.shape.elementCount else {
      throw .shapeMismatch(expected: self.shape, found: shape)
    }
    return try TensorView(dtype: dtype, shape: shape, bytes: bytes, owner: owner)
  }

  private func floats(elements: Range<Int>) throws(TensorError) -> [Float] {
    guard dtype.isFloat else { throw .notFloat(found: dtype) }
    return [Float](unsafeUninitializedCapacity: elements.count) { buffer, count in
      if let base = buffer.baseAddress { copyFloats(elements: elements, into: base) }
      count = elements.count
    }
  }
}
