/// A weight of 8-bit floats with scales: `w = scale * value(code)`.
///
/// E4M3 or E5M2 (OCP), one scale for the tensor, a row, or a block of rows and columns, as in compressed-tensors'
/// `float-quantized` and in DeepSeek's 128 x 128 blocks.
package final class ScaledFloatWeight: LinearWeight {
  package let format: WeightFormat
  package let rows: Int
  package let columns: Int
  /// One byte a weight, `[rows, columns]`.
  package let codes: SharedBytes
  /// One for the tensor, `[rows]`, or `[ceil(rows / height), ceil(columns / width)]`.
  package let scales: [Float]

  /// Takes codes, which stay where they are.
  ///
  /// - Throws: `TensorError.invalidWeight` when counts do not fit the format, or a scale is negative or no
  ///   number.
  package init(
    format: WeightFormat, rows: Int, columns: Int, codes: SharedBytes, scales: [Float]
  ) throws {
    guard case .scaledFloat(let type) = format.code, type == .f8e4m3 || type == .f8e5m2,
      format.zeroPoint == .fixed
    else {
      throw TensorError.invalidWeight("expected E4M3 or E5M2 with scales, found \(format)")
    }
    let expected = format.scales(rows: rows, columns: columns)
    guard codes.count == rows * columns, scales.count == expected else {
      throw TensorError.invalidWeight(
        "expected \(rows * columns) codes and \(expected) scales for \(format), found "
          + "\(codes.count) and \(scales.count)")
    }
    if let bad = scales.first(where: { !($0 >= 0 && $0.isFinite) }) {
      throw TensorError.invalidWeight("expected scales of 0 and more, found \(bad)")
    }
    self.format = format
    self.rows = rows
    self.columns = columns
    self.codes = codes
    self.scales = scales
  }

  /// E4M3 or E5M2.
  package var dtype: DType {
    if case .scaledFloat(let type) = format.code { type } else { .f8e4m3 }
  }

  package var byteCount: Int { format.byteCount(rows: rows, columns: columns) }

  /// Scales of one row.
  package var groups: Int { format.groups(columns: columns) }

  /// The scale of `row` and `group`, whatever the granularity.
  package func scale(row: Int, group: Int) -> Float {
    switch format.granularity {
    case .tensor: scales[0]
    case .channel, .group: scales[row * groups + group]
    case .block(let height, _): scales[row / height * groups + group]
    }
  }

  /// Writes the codes of `rows` to `output`, `[rows.count, columns]`.
  package func unpack(rows: Range<Int>, into output: UnsafeMutablePointer<UInt8>) {
    codes.withUnsafeBytes { source in
      guard let base = source.baseAddress, !rows.isEmpty else { return }
      UnsafeMutableRawPointer(output).copyMemory(
        from: base + rows.lowerBound * columns, byteCount: rows.count * columns)
    }
  }

  package func dequantize(rows: Range<Int>, into output: UnsafeMutablePointer<Float>) {
    let size = format.groupSize(columns: columns)
    codes.withUnsafeBytes { source in
      guard let base = source.baseAddress, !rows.isEmpty else { return }
      FloatFormats.decode(
        dtype, at: base, elements: rows.lowerBound * columns..<rows.upperBound * columns,
        into: output)
    }
    for (line, row) in rows.enumerated() {
      let target = output + line * columns
      for group in 0..<groups {
        let scale = scale(row: row, group: group)
        for column in group * size..<min((group + 1) * size, columns) { target[column] *= scale }
      }
    }
  }
}
