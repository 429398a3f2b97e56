import Platform

/// A weight of integer codes with scales and zero points: `w = scale * (code - zero)`.
///
/// Codes are a dense little-endian bit stream along each row, least significant bit first, every row
/// starting at a 32-bit word: the layout of compressed-tensors' `pack-quantized`. They lie wherever
/// something keeps them in place, so that a weight from a file needs no memory of its own for them.
package final class IntegerWeight: LinearWeight {
  package let format: WeightFormat
  package let rows: Int
  package let columns: Int
  /// Packed codes, `[rows, rowBytes]`.
  package let codes: SharedBytes
  /// Whether a byte of `codes` holds `code - 128` in two's complement, as `int-quantized` stores 8 bits in whole words of a row.
  package let isSigned: Bool
  /// `[rows, groups]`; one value for a per-tensor format.
  package let scales: [Float]
  /// Whole zero points, `[rows, groups]`; one value for a per-tensor format, empty unless the format has them.
  package let zeros: [UInt8]
  /// Real zero points that FP16 can hold, as many as `zeros` would be; empty unless the format has them.
  package let realZeros: [Float]

  /// Bytes of one row of codes.
  package var rowBytes: Int { Self.rowBytes(columns: columns, bits: format.bits) }
  /// Scales of one row.
  package var groups: Int { format.groups(columns: columns) }

  /// The largest magnitude of a real zero point: FP16's largest number.
  package static let largestRealZero: Float = 65504

  package static func rowBytes(columns: Int, bits: Int) -> Int { (columns * bits + 31) / 32 * 4 }

  /// Packs one code a byte, `[rows, columns]`.
  ///
  /// - Throws: `TensorError.invalidWeight` when counts do not fit the format; `PlatformError.memoryRefused`.
  package convenience init(
    format: WeightFormat, rows: Int, columns: Int, unpacked: [UInt8], scales: [Float],
    zeros: [UInt8] = [], realZeros: [Float] = []
  ) throws {
    guard unpacked.count == rows * columns else {
      throw TensorError.invalidWeight(
        "expected \(rows) x \(columns) codes, found \(unpacked.count)")
    }
    let bits = format.bits
    let rowBytes = Self.rowBytes(columns: columns, bits: bits)
    try HeapMemory.expect(rows, of: rowBytes)
    let packed = SharedBytes(byteCount: rows * rowBytes) { target in
      let target = target.assumingMemoryBound(to: UInt8.self)
      unpacked.withUnsafeBufferPointer { source in
        for row in 0..<rows {
          Self.pack(
            UnsafeBufferPointer(rebasing: source[row * columns..<(row + 1) * columns]), bits: bits,
            into: UnsafeMutableBufferPointer(
              rebasing: target[row * rowBytes..<(row + 1) * rowBytes]))
        }
      }
    }
    try self.init(
      format: format, rows: rows, columns: columns, codes: packed, scales: scales, zeros: zeros,
      realZeros: realZeros)
  }

  /// Takes packed codes, which stay where they are.
  ///
  /// - Parameter isSigned: whether bytes hold `code - 128`; 8 bits in rows of whole words only.
  /// - Throws: `TensorError.invalidWeight` when counts do not fit the format, or a zero point is beyond
  ///   `largestRealZero`.
  package init(
    format: WeightFormat, rows: Int, columns: Int, codes: SharedBytes, scales: [Float],
    zeros: [UInt8] = [], realZeros: [Float] = [], isSigned: Bool = false
  ) throws {
    guard case .integer(let bits) = format.code, (2...8).contains(bits) else {
      throw TensorError.invalidWeight("expected an integer format of 2 to 8 bits, found \(format)")
    }
    let expected = format.granularity == .tensor ? 1 : rows * format.groups(columns: columns)
    guard scales.count == expected, zeros.count == (format.zeroPoint == .integer ? expected : 0),
      realZeros.count == (format.zeroPoint == .real ? expected : 0),
      codes.count == rows * Self.rowBytes(columns: columns, bits: bits)
    else {
      throw TensorError.invalidWeight(
        "expected \(expected) scales for \(format) of \(rows) x \(columns), found "
          + "\(scales.count) scales, \(zeros.count) whole and \(realZeros.count) real zero points, "
          + "\(codes.count) bytes of codes")
    }
    guard !isSigned || (bits == 8 && columns % 4 == 0) else {
      throw TensorError.invalidWeight(
        "expected signed codes of 8 bits in whole words, found \(bits) bits in \(columns) columns")
    }
    if let bad = realZeros.first(where: { !($0.magnitude <= Self.largestRealZero) }) {
      throw TensorError.invalidWeight(
        "expected zero points of at most \(Self.largestRealZero), found \(bad)")
    }
    self.format = format
    self.rows = rows
    self.columns = columns
    self.codes = codes
    self.isSigned = isSigned
    self.scales = scales
    self.zeros = zeros
    self.realZeros = realZeros
  }

  package var byteCount: Int { format.byteCount(rows: rows, columns: columns) }

  /// Writes the codes of `rows`, one a byte, to `output`, `[rows.count, columns]`.
  package func unpack(rows: Range<Int>, into output: UnsafeMutablePointer<UInt8>) {
    let bits = format.bits
    let mask: UInt8 = isSigned ? 0x80 : 0
    codes.withUnsafeBytes { source in
      guard let source = source.assumingMemoryBound(to: UInt8.self).baseAddress else { return }
      for (line, row) in rows.enumerated() {
        let from = source + row * rowBytes
        let to = output + line * columns
        switch bits {
        case 8: for column in 0..<columns { to[column] = from[column] ^ mask }
        case 4: Self.unpackNibbles(from, count: columns, into: to)
        default:
          Self.unpack(
            UnsafeBufferPointer(start: from, count: rowBytes), bits: bits,
            into: UnsafeMutableBufferPointer(start: to, count: columns))
        }
      }
    }
  }

  /// The codes as an unsigned stream, in memory of their own where they lie signed.
  package var unsignedCodes: SharedBytes {
    guard isSigned else { return codes }
    return SharedBytes(byteCount: codes.count) { target in
      codes.withUnsafeBytes { source in
        for index in source.indices { target[index] = source[index] ^ 0x80 }
      }
    }
  }

  /// Two codes a byte, the first in the low half.
  private static func unpackNibbles(
    _ source: UnsafePointer<UInt8>, count: Int, into target: UnsafeMutablePointer<UInt8>
  ) {
    for pair in 0..<count / 2 {
      let byte = source[pair]
      target[2 * pair] = byte & 15
      target[2 * pair + 1] = byte >> 4
    }
    if count % 2 != 0 { target[count - 1] = source[count / 2] & 15 }
  }

  /// The scale of `row` and `group`, whatever the granularity.
  package func scale(row: Int, group: Int) -> Float {
    format.granularity == .tensor ? scales[0] : scales[row * groups + group]
  }

  /// The zero of `row` and `group`, whatever the granularity.
  package func zero(row: Int, group: Int) -> Float {
    let index = format.granularity == .tensor ? 0 : row * groups + group
    return switch format.zeroPoint {
    case .fixed: Float(1 << (format.bits - 1))
    case .integer: Float(zeros[index])
    case .real: realZeros[index]
    }
  }

  package func dequantize(rows: Range<Int>, into output: UnsafeMutablePointer<Float>) {
    let groupSize = format.groupSize(columns: columns)
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: max(1, columns)) { line in
      guard let codes = line.baseAddress else { return }
      for (index, row) in rows.enumerated() {
        unpack(rows: row..<row + 1, into: codes)
        let target = output + index * columns
        for group in 0..<groups {
          let scale = scale(row: row, group: group)
          let zero = zero(row: row, group: group)
          for column in group * groupSize..<min((group + 1) * groupSize, columns) {
            target[column] = scale * (Float(codes[column]) - zero)
          }
        }
      }
    }
  }

  private static func pack(
    _ source: UnsafeBufferPointer<UInt8>, bits: Int, into target: UnsafeMutableBufferPointer<UInt8>
  ) {
    var pending: UInt32 = 0
    var held = 0
    var position = 0
    for code in source {
      pending |= UInt32(code) << UInt32(held)
      held += bits
      while held >= 8 {
        target[position] = UInt8(truncatingIfNeeded: pending)
        position += 1
        pending >>= 8
        held -= 8
      }
    }
    if held > 0 { target[position] = UInt8(truncatingIfNeeded: pending) }
  }

  private static func unpack(
    _ source: UnsafeBufferPointer<UInt8>, bits: Int, into target: UnsafeMutableBufferPointer<UInt8>
  ) {
    let mask = UInt32(1 << bits) - 1
    var pending: UInt32 = 0
    var held = 0
    var position = 0
    for index in 0..<target.count {
      while held < bits {
        pending |= UInt32(source[position]) << UInt32(held)
        position += 1
        held += 8
      }
      target[index] = UInt8(truncatingIfNeeded: pending & mask)
      pending >>= UInt32(bits)
      held -= bits
    }
  }
}
