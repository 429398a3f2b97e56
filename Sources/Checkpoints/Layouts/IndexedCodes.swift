import Tensors

/// Integer codes whose columns are in groups that an index gives, as GPTQ's act-order leaves them.
///
/// No kernel reads an index of groups, and a permutation of the columns would have to be done to the inputs: the weight is
/// decoded row by row.
struct IndexedCodes {
  /// Codes with scales and zero points a group; where its groups lie means nothing.
  let codes: IntegerWeight
  /// `[columns]`.
  let groupOfColumn: [Int]

  func weight() -> DecodedWeight {
    let (codes, groupOfColumn) = (codes, groupOfColumn)
    return DecodedWeight(
      form: .indexed(bits: codes.format.bits), granularity: codes.format.granularity,
      rows: codes.rows, columns: codes.columns,
      byteCount: codes.byteCount + groupOfColumn.count * 4
    ) { row, output in
      withUnsafeTemporaryAllocation(of: UInt8.self, capacity: max(1, codes.columns)) { line in
        guard let line = line.baseAddress else { return }
        codes.unpack(rows: row..<row + 1, into: line)
        for (column, group) in groupOfColumn.enumerated() {
          output[column] =
            codes.scale(row: row, group: group)
            * (Float(line[column]) - codes.zero(row: row, group: group))
        }
      }
    }
  }
}
