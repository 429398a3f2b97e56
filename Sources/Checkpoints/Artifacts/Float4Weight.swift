import Platform
import Tensors

/// A weight that is turned into 4-bit floats as it is written (`Float4Groups`); rows are rounded as they are asked for.
final class Float4Weight: LinearWeight {
  let source: any LinearWeight
  let form: StoredForm
  /// What NVFP4's scales are divided by.
  let global: Float

  private let pool: WorkerPool?

  /// - Parameters:
  ///   - form: NVFP4 or MXFP4, whose groups divide the columns.
  ///   - pool: threads that round; nil for the calling one.
  init(_ source: any LinearWeight, as form: StoredForm, pool: WorkerPool?) {
    self.source = source
    self.form = form
    self.pool = pool
    let largest =
      form == .nvfp4
      ? Self.each(0..<source.rows, of: source, by: pool, nothing: Float(0)) { numbers in
        numbers.reduce(0) { max($0, $1.magnitude) }
      }.max() : nil
    global = Float4Groups.global(largest: largest ?? 0)
  }

  /// A row as it is written, and the squares of its numbers and of what they lose, summed.
  struct CodedRow {
    var groups: Float4Groups
    var error = 0.0
    var size = 0.0
  }

  /// Codes and scales of some rows, all of which are in memory then.
  func coded(_ rows: Range<Int>) -> [CodedRow] {
    let none = CodedRow(groups: Float4Groups(.init(start: nil, count: 0), as: form, global: global))
    return Self.each(rows, of: source, by: pool, nothing: none) { numbers in
      Self.coded(numbers, as: self.form, global: self.global)
    }
  }

  /// The numbers of a row, and what they lose.
  static func coded(
    _ numbers: UnsafeBufferPointer<Float>, as form: StoredForm, global: Float
  ) -> CodedRow {
    var row = CodedRow(groups: Float4Groups(numbers, as: form, global: global))
    withUnsafeTemporaryAllocation(of: Float.self, capacity: numbers.count) { values in
      row.groups.decode(as: form, into: values)
      for (before, after) in zip(numbers, values) {
        row.error += Double((before - after) * (before - after))
        row.size += Double(before * before)
      }
    }
    return row
  }

  /// What `body` makes of the numbers of each row, in the order of the rows.
  private static func each<Found>(
    _ rows: Range<Int>, of source: any LinearWeight, by pool: WorkerPool?, nothing: Found,
    _ body: @escaping (UnsafeBufferPointer<Float>) -> Found
  ) -> [Found] {
    var found = [Found](repeating: nothing, count: rows.count)
    found.withUnsafeMutableBufferPointer { found in
      guard let base = found.baseAddress else { return }
      nonisolated(unsafe) let (results, body) = (base, body)
      let one: (Int, Int) -> Void = { line, _ in
        let row = rows.lowerBound + line
        withUnsafeTemporaryAllocation(of: Float.self, capacity: source.columns) { numbers in
          guard let values = numbers.baseAddress else { return }
          source.dequantize(rows: row..<row + 1, into: values)
          results[line] = body(UnsafeBufferPointer(start: values, count: source.columns))
        }
      }
      if let pool {
        pool.run(chunks: rows.count, one)
      } else {
        for line in 0..<rows.count { one(line, 0) }
      }
    }
    return found
  }

  var rows: Int { source.rows }
  var columns: Int { source.columns }
  private var size: Int { Float4Groups.size(form) }
  var format: WeightFormat {
    WeightFormat(code: .decoded(form: form), granularity: .group(size: size))
  }
  var byteCount: Int { format.byteCount(rows: rows, columns: columns) }

  func dequantize(rows: Range<Int>, into output: UnsafeMutablePointer<Float>) {
    for (line, row) in coded(rows).enumerated() {
      let values = UnsafeMutableBufferPointer(start: output + line * columns, count: columns)
      row.groups.decode(as: form, into: values)
    }
  }
}
