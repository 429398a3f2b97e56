/// A weight stored in the blocks of a GGUF file: codes, scales and minima lie together, block after block along a row.
///
/// The blocks stay where they are, in a mapped file as a rule; nothing is decoded before it is asked for. Rows may
/// stand in another order in the file than in the model, since nothing in a block crosses a row.
package final class BlockWeight: LinearWeight {
  package let type: GGUFTensorType
  package let rows: Int
  package let columns: Int
  /// Blocks of all rows, `[rows, rowBytes]`, in the order of the file.
  package let bytes: SharedBytes
  /// Bytes of the blocks of one row.
  package let rowBytes: Int
  /// Where in `bytes` a row of the model lies; nil where both orders are one.
  private let storedRow: (@Sendable (Int) -> Int)?

  /// Takes blocks, which stay where they are.
  ///
  /// - Parameter storedRow: the row of `bytes` that holds a row of the model, a permutation of `0..<rows`; nil for the
  ///   same row.
  /// - Throws: `TensorError.invalidWeight` when the type stands for no real numbers, `columns` is no multiple of the
  ///   block, or the bytes are not those of `rows` rows.
  package init(
    type: GGUFTensorType, bytes: SharedBytes, rows: Int, columns: Int,
    storedRow: (@Sendable (Int) -> Int)? = nil
  ) throws(TensorError) {
    guard type.isReal else {
      throw .invalidWeight("expected blocks of real numbers, found \(type)")
    }
    guard rows >= 0, let rowBytes = type.byteCount(of: columns) else {
      throw .invalidWeight(
        "expected rows of a multiple of \(type.blockElements) numbers for \(type), found "
          + "\(rows) x \(columns)")
    }
    let (expected, overflow) = rows.multipliedReportingOverflow(by: rowBytes)
    guard !overflow, bytes.count == expected else {
      throw .invalidWeight(
        "expected \(rows) rows of \(rowBytes) bytes for \(type), found \(bytes.count) bytes")
    }
    self.type = type
    self.bytes = bytes
    self.rows = rows
    self.columns = columns
    self.rowBytes = rowBytes
    self.storedRow = storedRow
  }

  package var format: WeightFormat { .blocks(type) }
  package var byteCount: Int { bytes.count }

  package func dequantize(rows: Range<Int>, into output: UnsafeMutablePointer<Float>) {
    bytes.withUnsafeBytes { source in
      guard let base = source.baseAddress, columns > 0 else { return }
      for (line, row) in rows.enumerated() {
        GGUFBlocks.decode(
          type, at: base + place(of: row), count: columns, into: output + line * columns)
      }
    }
  }

  /// Copies the blocks of `rows`, in the order of the model, to `output`, `[rows.count, rowBytes]`.
  package func copyBlocks(rows: Range<Int>, into output: UnsafeMutableRawPointer) {
    bytes.withUnsafeBytes { source in
      guard let base = source.baseAddress else { return }
      for (line, row) in rows.enumerated() {
        (output + line * rowBytes).copyMemory(from: base + place(of: row), byteCount: rowBytes)
      }
    }
  }

  /// Where the blocks of a row begin.
  private func place(of row: Int) -> Int {
    let stored = storedRow?(row) ?? row
    precondition((0..<rows).contains(stored), "row \(stored) of \(rows)")
    return stored * rowBytes
  }
}
