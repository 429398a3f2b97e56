/// A weight in a form that no kernel reads: it stays as it is stored, and its rows are decoded as they are asked for.
///
/// What runs it packs the decoded numbers; the form is told by `format`, so that nothing is called floating point that is
/// not stored so.
package final class DecodedWeight: LinearWeight {
  package let form: StoredForm
  package let format: WeightFormat
  package let rows: Int
  package let columns: Int
  package let byteCount: Int
  private let decode: @Sendable (_ row: Int, _ output: UnsafeMutablePointer<Float>) -> Void

  /// - Parameters:
  ///   - granularity: how many weights share a scale.
  ///   - byteCount: bytes of codes and scales as they are stored.
  ///   - decode: writes the numbers of a row, `[columns]`; called from several threads at once.
  package init(
    form: StoredForm, granularity: WeightFormat.Granularity, rows: Int, columns: Int,
    byteCount: Int,
    decode: @escaping @Sendable (_ row: Int, _ output: UnsafeMutablePointer<Float>) -> Void
  ) {
    self.form = form
    format = WeightFormat(code: .decoded(form: form), granularity: granularity)
    self.rows = rows
    self.columns = columns
    self.byteCount = byteCount
    self.decode = decode
  }

  package func dequantize(rows: Range<Int>, into output: UnsafeMutablePointer<Float>) {
    for (line, row) in rows.enumerated() { decode(row, output + line * columns) }
  }
}

/// A form of stored weights that is decoded before it is multiplied.
package enum StoredForm: Hashable, Sendable, Codable {
  /// 4-bit floats (E2M1) in groups of 16 with E4M3 scales, and one scale for the tensor.
  case nvfp4
  /// 4-bit floats (E2M1) in groups of 32 with scales that are powers of two (OCP MX).
  case mxfp4
  /// Levels at the quantiles of a normal distribution, as QLoRA and bitsandbytes have them.
  case nf4
  /// 4-bit floats in the order bitsandbytes has them.
  case fp4
  /// Integer codes with the group of each input channel in an index (act-order without static groups).
  case indexed(bits: Int)

  /// Bits of one code.
  package var bits: Int {
    switch self {
    case .nvfp4, .mxfp4, .nf4, .fp4: 4
    case .indexed(let bits): bits
    }
  }
}

extension StoredForm: CustomStringConvertible {
  package var description: String {
    switch self {
    case .nvfp4: "NVFP4"
    case .mxfp4: "MXFP4"
    case .nf4: "NF4"
    case .fp4: "FP4"
    case .indexed(let bits): "W\(bits) act-order"
    }
  }
}
