/// The Walsh-Hadamard transform, normalised: an orthogonal rotation that spreads outliers over a block.
///
/// Sylvester's matrix over the square root of its size, applied in n log n additions; its own inverse.
package enum WalshHadamard {
  /// The largest power of two that divides `width`.
  package static func largestBlock(of width: Int) -> Int {
    width > 0 ? width & -width : 1
  }

  /// Transforms each run of `block` values, in place.
  ///
  /// - Throws: `TensorError.outOfRange` unless `block` is a power of two that divides the count.
  package static func transform(_ values: inout [Float], block: Int) throws(TensorError) {
    guard block > 0, block & (block - 1) == 0, values.count % block == 0 else {
      throw .outOfRange(
        what: "block of a Walsh-Hadamard transform",
        expected: "a power of two that divides \(values.count)", found: "\(block)")
    }
    let count = values.count
    values.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      for start in stride(from: 0, to: count, by: block) { transform(base + start, count: block) }
    }
  }

  /// Transforms `count` values, a power of two, in place.
  package static func transform(_ values: UnsafeMutablePointer<Float>, count: Int) {
    butterflies(values, count: count)
    let factor = 1 / Float(count).squareRoot()
    for index in 0..<count { values[index] *= factor }
  }

  /// The sums and differences alone: Sylvester's matrix of +-1 times `count` values, in place.
  static func butterflies<Value: BinaryFloatingPoint>(
    _ values: UnsafeMutablePointer<Value>, count: Int
  ) {
    precondition(count > 0 && count & (count - 1) == 0, "\(count) is no power of two")
    var half = 1
    while half < count {
      for start in stride(from: 0, to: count, by: 2 * half) {
        for index in start..<start + half {
          let (first, second) = (values[index], values[index + half])
          values[index] = first + second
          values[index + half] = first - second
        }
      }
      half *= 2
    }
  }
}
