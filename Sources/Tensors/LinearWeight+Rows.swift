/// Some rows of a weight as a weight of its own: the part of one layer where several lie in one tensor.
extension LinearWeight {
  /// Codes stay where they are; scales and zero points are those of the rows.
  ///
  /// - Throws: `TensorError.rowsOutOfBounds`; `.invalidWeight` for rows that begin within a block of scales, and for a form
  ///   that does not lie row by row.
  package func part(_ part: Range<Int>) throws -> any LinearWeight {
    guard part.lowerBound >= 0, part.upperBound <= rows else {
      throw TensorError.rowsOutOfBounds(rows: part, shape: try Shape(checking: [rows, columns]))
    }
    if part.count == rows { return self }
    switch self {
    case let dense as DenseWeight: return try DenseWeight(dense.view.rows(part))
    case let integer as IntegerWeight: return try integer.rows(part)
    case let scaled as ScaledFloatWeight: return try scaled.rows(part)
    case let decoded as DecodedWeight: return decoded.rows(part)
    default:
      throw TensorError.invalidWeight("expected a weight that lies row by row, found \(format)")
    }
  }
}

extension IntegerWeight {
  fileprivate func rows(_ part: Range<Int>) throws -> IntegerWeight {
    func own<Number>(_ numbers: [Number]) -> [Number] {
      guard format.granularity != .tensor, !numbers.isEmpty else { return numbers }
      return Array(numbers[part.lowerBound * groups..<part.upperBound * groups])
    }
    if case .block(let height, _) = format.granularity {
      throw TensorError.invalidWeight("expected scales of rows, found blocks of \(height)")
    }
    return try IntegerWeight(
      format: format, rows: part.count, columns: columns,
      codes: codes.part(part.lowerBound * rowBytes..<part.upperBound * rowBytes),
      scales: own(scales), zeros: own(zeros), realZeros: own(realZeros), isSigned: isSigned)
  }
}

extension ScaledFloatWeight {
  fileprivate func rows(_ part: Range<Int>) throws -> ScaledFloatWeight {
    let lines: Range<Int>
    switch format.granularity {
    case .tensor: lines = 0..<1
    case .channel, .group: lines = part
    case .block(let height, _):
      guard part.lowerBound % height == 0 else {
        throw TensorError.invalidWeight(
          "expected layers that begin with a block of \(height) rows, found one at row "
            + "\(part.lowerBound)")
      }
      lines = part.lowerBound / height..<(part.upperBound + height - 1) / height
    }
    return try ScaledFloatWeight(
      format: format, rows: part.count, columns: columns,
      codes: codes.part(part.lowerBound * columns..<part.upperBound * columns),
      scales: format.granularity == .tensor
        ? scales : Array(scales[lines.lowerBound * groups..<lines.upperBound * groups]))
  }
}

extension DecodedWeight {
  fileprivate func rows(_ part: Range<Int>) -> DecodedWeight {
    DecodedWeight(
      form: form, granularity: format.granularity, rows: part.count, columns: columns,
      byteCount: byteCount * part.count / max(1, rows)
    ) { row, output in
      self.dequantize(rows: part.lowerBound + row..<part.lowerBound + row + 1, into: output)
    }
  }
}
