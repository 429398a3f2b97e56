internal import CKernels

/// Some rows of a weight while GPTQ rounds them, a row a lane.
///
/// Every row meets the same pivots, so the rows of a chunk move through the columns together; a column of the chunk is
/// a run of memory, `[lanes]`. Lanes without a row hold zeros on a grid of their own. What a row becomes does not
/// depend on the other lanes.
final class GPTQChunk {
  /// Rows of a chunk.
  static let lanes = CalibrationKernels.panel

  let rows: Range<Int>
  /// Half the squares of the errors, `[lanes]`.
  let losses: UnsafeMutablePointer<Double>

  private let columns: Int
  private let grid: Grid
  /// `[columns, lanes]` in the order of rounding; what is already rounded means nothing.
  private let values: UnsafeMutablePointer<Float>
  /// `[groups, lanes]`.
  private let scales: UnsafeMutablePointer<Float>
  private let zeros: UnsafeMutablePointer<Float>
  /// Of one block, `[block, lanes]`.
  private let errors: UnsafeMutablePointer<Float>
  private let codes: UnsafeMutablePointer<UInt8>

  init(rows: Range<Int>, columns: Int, groups: Int, block: Int, grid: Grid) {
    self.rows = rows
    self.columns = columns
    self.grid = grid
    let padded = Self.padded(columns)
    values = .allocate(capacity: padded * Self.lanes)
    (values + columns * Self.lanes).initialize(
      repeating: 0, count: (padded - columns) * Self.lanes)
    scales = .allocate(capacity: groups * Self.lanes)
    scales.initialize(repeating: 1, count: groups * Self.lanes)
    zeros = .allocate(capacity: groups * Self.lanes)
    zeros.initialize(repeating: Float(grid.middle), count: groups * Self.lanes)
    errors = .allocate(capacity: block * Self.lanes)
    codes = .allocate(capacity: block * Self.lanes)
    losses = .allocate(capacity: Self.lanes)
    losses.initialize(repeating: 0, count: Self.lanes)
  }

  deinit {
    values.deallocate()
    scales.deallocate()
    zeros.deallocate()
    errors.deallocate()
    codes.deallocate()
    losses.deallocate()
  }

  /// Columns with those that fill up the last panel of the inverse.
  private static func padded(_ columns: Int) -> Int {
    (columns + InverseFactor.width - 1) / InverseFactor.width * InverseFactor.width
  }

  /// Lays out the chunk's rows of `source`, `[rows, columns]`, in the order of rounding, dead columns as zeros.
  func load(_ source: UnsafePointer<Float>, order: [Int], dead: [Bool]) {
    let first = source + rows.lowerBound * columns
    // A few rows at a time, so that a cache line is still there when its next column is read.
    let span = 8
    for begin in stride(from: 0, to: Self.lanes, by: span) {
      for (position, column) in order.enumerated() {
        let target = values + position * Self.lanes
        for lane in begin..<begin + span {
          target[lane] = lane < rows.count && !dead[column] ? first[lane * columns + column] : 0
        }
      }
    }
  }

  /// Copies the values of one row, `[columns]`, at `positions` to where they belong.
  func copy(lane: Int, _ positions: Range<Int>, into row: UnsafeMutablePointer<Float>) {
    for position in positions { row[position] = values[position * Self.lanes + lane] }
  }

  /// Sets the grid of one group of one row.
  func set(_ parameters: GridParameters, group: Int, lane: Int) {
    scales[group * Self.lanes + lane] = parameters.scale
    zeros[group * Self.lanes + lane] = Float(parameters.zero)
  }

  /// Rounds the columns of a block, each error spread over the rest of the block.
  func round(
    _ block: Range<Int>, inverse: UnsafePointer<Float>, groupOfPosition: UnsafePointer<UInt32>,
    _ kernels: CalibrationKernels
  ) {
    let addsZeroFirst = grid.convention == .compressedTensors
    var step = nk_gptq_block(
      begin: block.lowerBound, end: block.upperBound, values: values, inverse: inverse,
      groups: groupOfPosition, scales: scales, zeros: zeros, steps: Float(grid.steps),
      middle: addsZeroFirst ? Float(grid.middle) : -1, errors: errors, codes: codes,
      losses: losses)
    kernels.round(&step)
  }

  /// Takes the errors of a block out of the columns after it.
  ///
  /// Columns of the block that share a panel with those are taken along; they mean nothing any more.
  func spread(
    _ block: Range<Int>, inverse: UnsafePointer<Float>, _ kernels: CalibrationKernels
  ) {
    let width = InverseFactor.width
    guard block.upperBound < columns else { return }
    for panel in block.upperBound / width..<Self.padded(columns) / width {
      kernels.update(
        1, block.count, inverse + InverseFactor.offset(panel) + block.lowerBound * width, width, 0,
        errors, -1, values + panel * width * Self.lanes)
    }
  }

  /// Writes the codes of a block to `[rows, columns]`, in the order of the original columns.
  func storeCodes(of block: Range<Int>, order: [Int], into target: UnsafeMutablePointer<UInt8>) {
    order.withUnsafeBufferPointer { order in
      for (lane, row) in rows.enumerated() {
        let codesOfRow = target + row * columns
        for position in block {
          codesOfRow[order[position]] = codes[(position - block.lowerBound) * Self.lanes + lane]
        }
      }
    }
  }
}
