import Platform
import Tensors

/// One walk over a weight that finds the grid of each group and rounds to it.
struct GridPass {
  /// What a walk yields; one byte a code.
  struct Result {
    /// `[rows, columns]`.
    var codes: [UInt8]
    /// `[rows, groups]`, or one value for the whole tensor.
    var scales: [Float]
    /// As many as scales.
    var zeros: [UInt8]
  }

  private let weight: any LinearWeight
  private let format: WeightFormat
  private let grid: Grid
  private let searchesRange: Bool
  private let layer: String

  init(
    _ weight: any LinearWeight, _ format: WeightFormat, _ grid: Grid, searchesRange: Bool,
    layer: String
  ) {
    self.weight = weight
    self.format = format
    self.grid = grid
    self.searchesRange = searchesRange
    self.layer = layer
  }

  /// Walks over all rows.
  ///
  /// - Throws: `QuantizationError.notFinite` at the first value in row order that is not finite.
  func run(scaleType: ScaleType, pool: WorkerPool?) throws(QuantizationError) -> Result {
    guard weight.rows > 0, weight.columns > 0 else {
      let scales = format.granularity == .tensor ? 1 : 0
      return Result(
        codes: [], scales: [Float](repeating: 1, count: scales),
        zeros: [UInt8](repeating: UInt8(grid.middle), count: scales))
    }
    return format.granularity == .tensor
      ? try runTensor(scaleType, pool) : try runGroups(scaleType, pool)
  }

  private func runGroups(_ scaleType: ScaleType, _ pool: WorkerPool?) throws(QuantizationError)
    -> Result
  {
    let columns = weight.columns
    let groupSize = format.groupSize(columns: columns)
    let groups = format.groups(columns: columns)
    var result = Result(
      codes: [UInt8](repeating: 0, count: weight.rows * columns),
      scales: [Float](repeating: 0, count: weight.rows * groups),
      zeros: [UInt8](repeating: 0, count: weight.rows * groups))
    var failure: QuantizationError?
    result.codes.withUnsafeMutableBufferPointer { codes in
      result.scales.withUnsafeMutableBufferPointer { scales in
        result.zeros.withUnsafeMutableBufferPointer { zeros in
          guard let codes = codes.baseAddress else { return }
          failure = eachRow(pool) { row, values in
            for group in 0..<groups {
              let first = group * groupSize
              let count = min(groupSize, columns - first)
              guard let range = Grid.range(of: values + first, count: count) else { return false }
              let found = parameters(of: values + first, count: count, range, scaleType)
              scales[row * groups + group] = found.scale
              zeros[row * groups + group] = found.zero
              grid.encode(
                values + first, count: count, found, into: codes + row * columns + first)
            }
            return true
          }
        }
      }
    }
    if let failure { throw failure }
    return result
  }

  private func runTensor(_ scaleType: ScaleType, _ pool: WorkerPool?) throws(QuantizationError)
    -> Result
  {
    let columns = weight.columns
    var ranges = [ValueRange](repeating: .init(lowest: 0, highest: 0), count: weight.rows)
    var failure: QuantizationError?
    ranges.withUnsafeMutableBufferPointer { ranges in
      failure = eachRow(pool) { row, values in
        guard let range = Grid.range(of: values, count: columns) else { return false }
        ranges[row] = range
        return true
      }
    }
    if let failure { throw failure }
    let range = ranges.dropFirst().reduce(ranges[0]) { $0.union($1) }
    let found: GridParameters
    if searchesRange {
      let values = weight.dequantized()
      found = values.withUnsafeBufferPointer { values in
        guard let base = values.baseAddress else { return grid.parameters(of: range) }
        return parameters(of: base, count: values.count, range, scaleType)
      }
    } else {
      found = grid.parameters(of: range, scaleType: scaleType)
    }
    var codes = [UInt8](repeating: 0, count: weight.rows * columns)
    codes.withUnsafeMutableBufferPointer { codes in
      guard let codes = codes.baseAddress else { return }
      // The first walk has met every value; there is nothing left to fail.
      _ = eachRow(pool) { row, values in
        grid.encode(values, count: columns, found, into: codes + row * columns)
        return true
      }
    }
    return Result(codes: codes, scales: [found.scale], zeros: [found.zero])
  }

  private func parameters(
    of values: UnsafePointer<Float>, count: Int, _ range: ValueRange, _ scaleType: ScaleType
  ) -> GridParameters {
    searchesRange
      ? grid.searchedParameters(of: values, count: count, range: range, scaleType: scaleType)
      : grid.parameters(of: range, scaleType: scaleType)
  }

  private func eachRow(
    _ pool: WorkerPool?, _ body: (_ row: Int, _ values: UnsafePointer<Float>) -> Bool
  ) -> QuantizationError? {
    Self.eachRow(of: weight, pool, body).map { Self.notFinite(weight, row: $0, layer: layer) }
  }

  /// Hands each row to `body`, which says whether all of it was finite, in chunks shared over the pool.
  ///
  /// - Returns: the first row that was not.
  @discardableResult
  static func eachRow(
    of weight: any LinearWeight, _ pool: WorkerPool?,
    _ body: (_ row: Int, _ values: UnsafePointer<Float>) -> Bool
  ) -> Int? {
    let columns = weight.columns
    guard columns > 0 else { return nil }
    let rowsPerChunk = max(1, Self.chunkValues / columns)
    let chunks = (weight.rows + rowsPerChunk - 1) / rowsPerChunk
    // The first row of each chunk that failed, -1 where none did.
    var failed = [Int](repeating: -1, count: chunks)
    failed.withUnsafeMutableBufferPointer { failed in
      func work(_ chunk: Int) {
        let rows = chunk * rowsPerChunk..<min((chunk + 1) * rowsPerChunk, weight.rows)
        withUnsafeTemporaryAllocation(of: Float.self, capacity: rows.count * columns) { buffer in
          guard let values = buffer.baseAddress else { return }
          weight.dequantize(rows: rows, into: values)
          for row in rows where !body(row, values + (row - rows.lowerBound) * columns) {
            failed[chunk] = row
            return
          }
        }
      }
      if let pool {
        pool.run(chunks: chunks) { chunk, _ in work(chunk) }
      } else {
        for chunk in 0..<chunks { work(chunk) }
      }
    }
    return failed.first { $0 >= 0 }
  }

  /// The error for a row that holds what is not finite.
  static func notFinite(
    _ weight: any LinearWeight, row: Int, layer: String
  ) -> QuantizationError {
    var values = [Float](repeating: 0, count: weight.columns)
    values.withUnsafeMutableBufferPointer { values in
      if let base = values.baseAddress { weight.dequantize(rows: row..<row + 1, into: base) }
    }
    let column = values.firstIndex { !$0.isFinite } ?? 0
    return .notFinite(layer: layer, row: row, column: column, value: values[column])
  }

  /// Values of one chunk: enough to be worth a turn, few enough to stay in a core's cache.
  private static let chunkValues = 1 << 16
}
