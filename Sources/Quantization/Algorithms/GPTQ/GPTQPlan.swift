import Operators
import Platform
import Tensors

/// A weight laid out for GPTQ: columns in the order they are rounded in, and the grid of each group.
struct GPTQPlan {
  private let original: [Float]
  private let rows: Int
  private let columns: Int
  private let options: GPTQ.Options
  /// Columns without any input that become zero before the grids of groups are found.
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
    dead = options.zeroesDead ? preparation.dead : preparation.dead.map { _ in false }
    order = preparation.order
    damping = preparation.damping
  }

  // MARK: Rounding

  /// Rounds all rows; nil when the updates ran off to infinity.
  func rounded(
    with inverse: InverseFactor, pool: WorkerPool?, kernels: CalibrationKernels
  ) -> GPTQResult? {
    var result = emptyResult()
    result.damping = damping
    let isStatic = options.hasStaticGroups || options.group == nil
    result.groupIndex = groupIndex(isStatic: isStatic)
    let groupOfPosition = order.map { UInt32(result.groupIndex[$0]) }
    var losses = [Double](repeating: 0, count: rows)
    inverse.values.withUnsafeBufferPointer { inverse in
      groupOfPosition.withUnsafeBufferPointer { groupOfPosition in
        guard let inverse = inverse.baseAddress, let places = groupOfPosition.baseAddress else {
          return
        }
        write(&result, &losses) { output in
          eachChunk((rows + GPTQChunk.lanes - 1) / GPTQChunk.lanes, on: pool) { chunk in
            let first = chunk * GPTQChunk.lanes
            let chunk = GPTQChunk(
              rows: first..<min(first + GPTQChunk.lanes, rows), columns: columns, groups: groups,
              block: min(options.block, columns), grid: options.grid)
            round(chunk, inverse: inverse, groupOfPosition: places, isStatic, output, kernels)
          }
        }
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
    var losses = [Double](repeating: 0, count: rows)
    write(&result, &losses) { output in
      eachChunk((rows + GPTQChunk.lanes - 1) / GPTQChunk.lanes, on: pool) { chunk in
        for row in chunk * GPTQChunk.lanes..<min((chunk + 1) * GPTQChunk.lanes, rows) {
          original.withUnsafeBufferPointer { original in
            guard let values = original.baseAddress.map({ $0 + row * columns }) else { return }
            findGrids(values, row: row, from: 0, width: columns, output)
            for group in 0..<groups {
              let first = group * groupSize
              options.grid.encode(
                values + first, count: min(groupSize, columns - first),
                output.parameters(row * groups + group), into: output.codes + row * columns + first)
            }
          }
        }
      }
    }
    return result
  }

  /// Rounds the rows of a chunk, a block of columns after the other.
  private func round(
    _ chunk: GPTQChunk, inverse: UnsafePointer<Float>, groupOfPosition: UnsafePointer<UInt32>,
    _ isStatic: Bool, _ output: Output, _ kernels: CalibrationKernels
  ) {
    withUnsafeTemporaryAllocation(of: Float.self, capacity: columns) { row in
      guard let row = row.baseAddress else { return }
      original.withUnsafeBufferPointer { original in
        guard let source = original.baseAddress else { return }
        chunk.load(source, order: order, dead: dead)
        if isStatic { findGridsBeforehand(chunk, source, scratch: row, output) }
      }
      for start in stride(from: 0, to: columns, by: options.block) {
        let block = start..<min(start + options.block, columns)
        if !isStatic { findGrids(chunk, block, scratch: row, output) }
        chunk.round(block, inverse: inverse, groupOfPosition: groupOfPosition, kernels)
        chunk.spread(block, inverse: inverse, kernels)
        chunk.storeCodes(of: block, order: order, into: output.codes)
      }
      for (lane, row) in chunk.rows.enumerated() { output.losses[row] = chunk.losses[lane] }
    }
  }

  // MARK: Grids

  /// Finds the grids of all groups from the original weights.
  ///
  /// A grid for the whole row sees dead columns as they were, grids of groups see zeros.
  private func findGridsBeforehand(
    _ chunk: GPTQChunk, _ source: UnsafePointer<Float>, scratch: UnsafeMutablePointer<Float>,
    _ output: Output
  ) {
    for (lane, row) in chunk.rows.enumerated() {
      scratch.update(from: source + row * columns, count: columns)
      if options.group != nil {
        for column in 0..<columns where dead[column] { scratch[column] = 0 }
      }
      findGrids(scratch, row: row, from: 0, width: columns, output)
      for group in 0..<groups {
        chunk.set(output.parameters(row * groups + group), group: group, lane: lane)
      }
    }
  }

  /// Finds the grids of the groups that begin in `block`, from the weights as they are now.
  private func findGrids(
    _ chunk: GPTQChunk, _ block: Range<Int>, scratch: UnsafeMutablePointer<Float>, _ output: Output
  ) {
    let started = (block.lowerBound + groupSize - 1) / groupSize
    let ended = (block.upperBound + groupSize - 1) / groupSize
    guard started < ended else { return }
    let positions = started * groupSize..<min(ended * groupSize, columns)
    for (lane, row) in chunk.rows.enumerated() {
      chunk.copy(lane: lane, positions, into: scratch)
      findGrids(scratch, row: row, from: block.lowerBound, width: block.count, output)
      for group in started..<ended {
        chunk.set(output.parameters(row * groups + group), group: group, lane: lane)
      }
    }
  }

  /// Finds the grids of the groups of a row, `[columns]`, whose first column is among `width` from `start`.
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
    let losses: UnsafeMutablePointer<Double>

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

  /// Hands `body` the places of a result, and of the loss of each row.
  private func write(
    _ result: inout GPTQResult, _ losses: inout [Double], _ body: (Output) -> Void
  ) {
    result.codes.withUnsafeMutableBufferPointer { codes in
      result.scales.withUnsafeMutableBufferPointer { scales in
        result.zeros.withUnsafeMutableBufferPointer { zeros in
          losses.withUnsafeMutableBufferPointer { losses in
            guard let codes = codes.baseAddress, let scales = scales.baseAddress,
              let zeros = zeros.baseAddress, let losses = losses.baseAddress
            else { return }
            body(Output(codes: codes, scales: scales, zeros: zeros, losses: losses))
          }
        }
      }
    }
  }
}
