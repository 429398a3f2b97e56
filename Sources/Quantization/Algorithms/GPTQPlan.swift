import Platform
import Tensors

/// A weight laid out for GPTQ: columns in the order they are rounded in, and the grid of each group.
struct GPTQPlan {
  private let original: [Float]
  private let rows: Int
  private let columns: Int
  private let options: GPTQ.Options
  /// Columns without any input; they become zero before the grids of groups are found.
  private let dead: [Bool]
  /// The original columns in the order they are rounded in.
  private let order: [Int]
  private let damping: Double?

  private var groupSize: Int { min(options.group ?? columns, max(1, columns)) }
  private var groups: Int { columns == 0 ? 0 : (columns + groupSize - 1) / groupSize }

  init(
    _ weights: [Float], rows: Int, _ preparation: GPTQPreparation, _ options: GPTQ.Options
  ) {
    original = weights
    self.rows = rows
    columns = preparation.columns
    self.options = options
    dead = preparation.dead
    order = preparation.order
    damping = preparation.damping
  }

  // MARK: Rounding

  /// Rounds all rows; nil when the updates ran off to infinity.
  func rounded(with inverse: InverseFactor, pool: WorkerPool?) -> GPTQResult? {
    var result = emptyResult()
    result.damping = damping
    let isStatic = options.hasStaticGroups || options.group == nil
    result.groupIndex = groupIndex(isStatic: isStatic)
    let chunks = (rows + Self.chunkRows - 1) / Self.chunkRows
    var losses = [Double](repeating: 0, count: chunks)
    inverse.values.withUnsafeBufferPointer { inverse in
      guard let inverse = inverse.baseAddress else { return }
      write(&result, &losses, pool) { chunk, output in
        let rows = chunk * Self.chunkRows..<min((chunk + 1) * Self.chunkRows, self.rows)
        return roundChunk(rows, inverse, isStatic, output)
      }
    }
    result.loss = losses.reduce(0, +)
    return result.loss.isFinite ? result : nil
  }

  /// Rounds all rows to nearest on the grids of the original weights.
  func roundedToNearest(because reason: String, pool: WorkerPool?) -> GPTQResult {
    var result = emptyResult()
    result.fallback = "rounded to nearest: \(reason)"
    result.groupIndex = (0..<columns).map { Int32($0 / groupSize) }
    var losses = [Double](repeating: 0, count: (rows + Self.chunkRows - 1) / Self.chunkRows)
    write(&result, &losses, pool) { chunk, output in
      for row in chunk * Self.chunkRows..<min((chunk + 1) * Self.chunkRows, rows) {
        original.withUnsafeBufferPointer { original in
          guard let values = original.baseAddress.map({ $0 + row * columns }) else { return }
          findGrids(values, row: row, output)
          for group in 0..<groups {
            let first = group * groupSize
            options.grid.encode(
              values + first, count: min(groupSize, columns - first),
              output.parameters(row * groups + group), into: output.codes + row * columns + first)
          }
        }
      }
      return 0
    }
    return result
  }

  /// Rows rounded together: a fixed number, so that sums do not depend on the number of threads.
  private static let chunkRows = 64

  private func roundChunk(
    _ rows: Range<Int>, _ inverse: UnsafePointer<Float>, _ isStatic: Bool, _ output: Output
  ) -> Double {
    withUnsafeTemporaryAllocation(of: Float.self, capacity: rows.count * columns) { weights in
      withUnsafeTemporaryAllocation(of: Float.self, capacity: rows.count * options.block) {
        errors in
        guard let weights = weights.baseAddress, let errors = errors.baseAddress else { return 0 }
        for (line, row) in rows.enumerated() {
          load(row, into: weights + line * columns, isStatic, output)
        }
        var loss = 0.0
        for start in stride(from: 0, to: columns, by: options.block) {
          let width = min(options.block, columns - start)
          let step = GPTQBlock(
            grid: options.grid, columns: columns, start: start, width: width, inverse: inverse)
          for (line, row) in rows.enumerated() {
            let values = weights + line * columns
            if !isStatic { findGrids(values, row: row, from: start, width: width, output) }
            loss += step.round(
              values, order: order, errors: errors + line * options.block,
              codes: output.codes + row * columns
            ) { position in
              let group = (isStatic ? order[position] : position) / groupSize
              return output.parameters(row * groups + group)
            }
          }
          step.spread(errors, stride: options.block, over: weights, rows: rows.count)
        }
        return loss
      }
    }
  }

  /// Lays out one row in the order of rounding, and finds those of its grids that do not wait.
  private func load(
    _ row: Int, into values: UnsafeMutablePointer<Float>, _ isStatic: Bool, _ output: Output
  ) {
    original.withUnsafeBufferPointer { original in
      guard let source = original.baseAddress.map({ $0 + row * columns }) else { return }
      // A grid for the whole row sees dead columns as they were, grids of groups see zeros.
      if options.group == nil { findGrids(source, row: row, output) }
      for column in 0..<columns { values[column] = dead[column] ? 0 : source[column] }
      if options.group != nil, isStatic { findGrids(values, row: row, output) }
      for (position, column) in order.enumerated() {
        values[position] = dead[column] ? 0 : source[column]
      }
    }
  }

  // MARK: Grids

  /// Finds the grids of all groups of a row from `values`, `[columns]`.
  private func findGrids(_ values: UnsafePointer<Float>, row: Int, _ output: Output) {
    findGrids(values, row: row, from: 0, width: columns, output)
  }

  /// Finds the grids of the groups whose first column is among `width` from `start`.
  private func findGrids(
    _ values: UnsafePointer<Float>, row: Int, from start: Int, width: Int, _ output: Output
  ) {
    var group = (start + groupSize - 1) / groupSize
    while group * groupSize < start + width {
      let first = group * groupSize
      let count = min(groupSize, columns - first)
      // What is not finite here shows in the loss.
      let range =
        Grid.range(of: values + first, count: count) ?? ValueRange(lowest: 0, highest: 0)
      output.set(
        row * groups + group,
        options.searchesRange
          ? options.grid.searchedParameters(
            of: values + first, count: count, range: range, scaleType: options.scaleType)
          : options.grid.parameters(of: range, scaleType: options.scaleType))
      group += 1
    }
  }

  /// The group of each original column.
  private func groupIndex(isStatic: Bool) -> [Int32] {
    var index = [Int32](repeating: 0, count: columns)
    for (position, column) in order.enumerated() {
      index[column] = Int32((isStatic ? column : position) / groupSize)
    }
    return index
  }

  // MARK: Results

  /// Where workers write, each to rows of its own.
  private struct Output {
    let codes: UnsafeMutablePointer<UInt8>
    let scales: UnsafeMutablePointer<Float>
    let zeros: UnsafeMutablePointer<UInt8>

    func parameters(_ place: Int) -> GridParameters {
      GridParameters(scale: scales[place], zero: zeros[place])
    }

    func set(_ place: Int, _ parameters: GridParameters) {
      scales[place] = parameters.scale
      zeros[place] = parameters.zero
    }
  }

  private func emptyResult() -> GPTQResult {
    GPTQResult(
      rows: rows, columns: columns, options: options,
      codes: [UInt8](repeating: 0, count: rows * columns),
      scales: [Float](repeating: 0, count: rows * groups),
      zeros: [UInt8](repeating: 0, count: rows * groups), groupIndex: [], loss: 0)
  }

  /// Runs `body` for each chunk of rows; it returns the loss of its rows.
  private func write(
    _ result: inout GPTQResult, _ losses: inout [Double], _ pool: WorkerPool?,
    _ body: (_ chunk: Int, _ output: Output) -> Double
  ) {
    let chunks = losses.count
    result.codes.withUnsafeMutableBufferPointer { codes in
      result.scales.withUnsafeMutableBufferPointer { scales in
        result.zeros.withUnsafeMutableBufferPointer { zeros in
          losses.withUnsafeMutableBufferPointer { losses in
            guard let codes = codes.baseAddress, let scales = scales.baseAddress,
              let zeros = zeros.baseAddress
            else { return }
            let output = Output(codes: codes, scales: scales, zeros: zeros)
            if let pool {
              pool.run(chunks: chunks) { chunk, _ in losses[chunk] = body(chunk, output) }
            } else {
              for chunk in 0..<chunks { losses[chunk] = body(chunk, output) }
            }
          }
        }
      }
    }
  }
}
