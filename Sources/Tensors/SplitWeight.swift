/// An INT8 weight with the floating-point one it was made from, for LLM.int8() in the paper's form.
///
/// Which input channels are outliers is known only when a token comes, so every column must be at hand in both forms; both
/// are counted.
package final class SplitWeight: LinearWeight {
  package let codes: IntegerWeight
  package let full: DenseWeight

  /// - Throws: `TensorError.invalidWeight` when the two have different sizes.
  package init(codes: IntegerWeight, full: DenseWeight) throws {
    guard codes.rows == full.rows, codes.columns == full.columns else {
      throw TensorError.invalidWeight(
        "expected two weights of one size, found \(codes.rows) x \(codes.columns) and "
          + "\(full.rows) x \(full.columns)")
    }
    self.codes = codes
    self.full = full
  }

  package var format: WeightFormat { codes.format }
  package var rows: Int { codes.rows }
  package var columns: Int { codes.columns }
  package var byteCount: Int { byteCount(rows: rows, columns: columns) }

  package func byteCount(rows: Int, columns: Int) -> Int {
    codes.byteCount(rows: rows, columns: columns) + full.byteCount(rows: rows, columns: columns)
  }

  /// Writes the values of the INT8 codes.
  package func dequantize(rows: Range<Int>, into output: UnsafeMutablePointer<Float>) {
    codes.dequantize(rows: rows, into: output)
  }
}
