import Tensors

/// A weight that is turned into 4-bit floats as it is written (`Float4Groups`); rows are rounded as they are asked for.
final class Float4Weight: LinearWeight {
  let source: any LinearWeight
  let form: StoredForm
  /// What NVFP4's scales are divided by.
  let global: Float

  /// - Parameter form: NVFP4 or MXFP4, whose groups divide the columns.
  init(_ source: any LinearWeight, as form: StoredForm) {
    self.source = source
    self.form = form
    var largest: Float = 0
    if form == .nvfp4 {
      var line = [Float](repeating: 0, count: source.columns)
      for row in 0..<source.rows {
        line.withUnsafeMutableBufferPointer {
          if let base = $0.baseAddress { source.dequantize(rows: row..<row + 1, into: base) }
        }
        largest = line.reduce(largest) { max($0, $1.magnitude) }
      }
    }
    global = Float4Groups.global(largest: largest)
  }

  var rows: Int { source.rows }
  var columns: Int { source.columns }
  private var size: Int { Float4Groups.size(form) }
  var format: WeightFormat {
    WeightFormat(code: .decoded(form: form), granularity: .group(size: size))
  }
  var byteCount: Int { format.byteCount(rows: rows, columns: columns) }

  /// Codes and scales of a row, and its numbers before.
  func row(_ row: Int) -> (groups: Float4Groups, numbers: [Float]) {
    let numbers = [Float](unsafeUninitializedCapacity: columns) { buffer, filled in
      if let base = buffer.baseAddress { source.dequantize(rows: row..<row + 1, into: base) }
      filled = columns
    }
    let groups = numbers.withUnsafeBufferPointer { Float4Groups($0, as: form, global: global) }
    return (groups, numbers)
  }

  /// The numbers that codes and scales of a row stand for.
  func values(_ groups: Float4Groups) -> [Float] {
    (0..<columns).map { column in
      let code = groups.packed[column / 2] >> UInt8(column % 2 * 4) & 15
      let scale = groups.scales[column / size]
      let step =
        form == .nvfp4
        ? FloatFormats.float(e4m3: scale) / groups.global : FloatFormats.float(e8m0: scale)
      return FloatFormats.float(e2m1: code) * step
    }
  }

  func dequantize(rows: Range<Int>, into output: UnsafeMutablePointer<Float>) {
    for (line, index) in rows.enumerated() {
      for (column, value) in values(row(index).groups).enumerated() {
        output[line * columns + column] = value
      }
    }
  }
}
