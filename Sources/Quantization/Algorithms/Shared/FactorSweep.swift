import Platform

/// The inverse of the Cholesky factor of a symmetric matrix, `L^-1` with `A = L L^T`, in one sweep and in place.
///
/// Before a step, the columns from its block on hold what is left of A, those before it what is there of `L^-1`. A
/// step inverts the factor of its diagonal block, multiplies the block's row of the inverse and its column of L by
/// that, and then takes the product of the two out of all rows below: one rank update of everything, which is where
/// nearly all of the `2/3 n^3` operations are. It is Gauss-Jordan elimination kept to a triangle; `dpotrf` and
/// `dtrtri` do the same operations in two passes.
///
/// The lower triangle lies in panels of columns from the diagonal down, padded with the identity. Each tile is
/// computed by one worker in a fixed order, so that the result does not depend on the number of threads.
final class FactorSweep {
  private static let width = CalibrationKernels.widePanel
  private static let strip = CalibrationKernels.strip

  private let panels: Int
  private let columns: Int
  /// Panels of a block: more columns at a time mean fewer walks through memory, but more work that cannot be shared.
  private let blockPanels: Int
  private let pool: WorkerPool?
  private let kernels: CalibrationKernels
  private let values: UnsafeMutablePointer<Double>
  /// The column of L below a block, transposed: `[panels, block, width]`.
  private let left: UnsafeMutablePointer<Double>
  /// The diagonal block, `[block, block]`, a row, and the transposed block in strips, `[block / strip, block, strip]`.
  private let corner: UnsafeMutablePointer<Double>

  /// A matrix of `columns`, to be filled.
  init(columns: Int, pool: WorkerPool?, kernels: CalibrationKernels) {
    self.columns = columns
    self.pool = pool
    self.kernels = kernels
    panels = Self.panels(columns)
    blockPanels = Self.blockPanels(columns)
    let block = blockPanels * Self.width
    values = .allocate(capacity: Self.matrixCount(panels))
    left = .allocate(capacity: panels * block * Self.width)
    corner = .allocate(capacity: block * (2 * block + 1))
  }

  /// Bytes that a sweep of so many columns takes.
  static func byteCount(columns: Int) -> Int {
    let (panels, block) = (panels(columns), blockPanels(columns) * width)
    return (matrixCount(panels) + panels * block * width + block * (2 * block + 1))
      * MemoryLayout<Double>.stride
  }

  private static func panels(_ columns: Int) -> Int { (columns + width - 1) / width }
  private static func blockPanels(_ columns: Int) -> Int { columns < 4096 ? 4 : 8 }
  private static func matrixCount(_ panels: Int) -> Int {
    width * width * (panels * (panels + 1) / 2)
  }

  deinit {
    values.deallocate()
    left.deallocate()
    corner.deallocate()
  }

  /// The address of `row` of `column`, on or below the diagonal; the next row's is `stride` further.
  func address(row: Int, column: Int) -> UnsafePointer<Double> {
    UnsafePointer(self[column / Self.width, row: row] + column % Self.width)
  }

  /// From one row to the next.
  static var rowStride: Int { width }

  /// A row of a panel, which begins with the panel's first column.
  private subscript(panel: Int, row row: Int) -> UnsafeMutablePointer<Double> {
    let rows = panel * panels - panel * (panel - 1) / 2
    return values + (rows * Self.width + row - panel * Self.width) * Self.width
  }

  /// Sets the lower triangle: `write` is handed a row, and some of its columns to write.
  func fill(_ write: (_ row: Int, _ columns: Range<Int>, UnsafeMutablePointer<Double>) -> Void) {
    eachChunk(panels, on: pool) { panel in
      let first = panel * Self.width
      for row in first..<panels * Self.width {
        let place = self[panel, row: row]
        place.initialize(repeating: 0, count: Self.width)
        if row < columns {
          write(row, first..<min(first + Self.width, row + 1), place)
        } else if row < first + Self.width {
          place[row - first] = 1
        }
      }
    }
  }

  /// Replaces the matrix by the inverse of its factor; false when it is not positive definite.
  func run() -> Bool {
    for first in stride(from: 0, to: panels, by: blockPanels) {
      let block = first..<min(first + blockPanels, panels)
      guard invertCorner(block) else { return false }
      multiplyByCorner(block)
      updateBelow(block)
    }
    return true
  }

  // MARK: Steps

  /// Inverts the factor of the diagonal block in place, and lays it out for products.
  private func invertCorner(_ block: Range<Int>) -> Bool {
    let size = block.count * Self.width
    let start = block.lowerBound * Self.width
    for panel in block {
      for row in panel * Self.width..<start + size {
        (corner + (row - start) * size + panel * Self.width - start)
          .update(from: self[panel, row: row], count: Self.width)
      }
    }
    let strips = corner + size * (size + 1)
    guard kernels.inverseFactor(corner, size, corner + size * size) != 0 else { return false }
    for panel in block {
      for row in panel * Self.width..<start + size {
        self[panel, row: row].update(
          from: corner + (row - start) * size + panel * Self.width - start, count: Self.width)
      }
    }
    for row in 0..<size {
      let strip = strips + row / Self.strip * size * Self.strip + row % Self.strip
      for column in 0..<size { strip[column * Self.strip] = corner[row * size + column] }
    }
    return true
  }

  /// Multiplies the block's row of the inverse by the inverted corner, and brings the block's column of L to `left`.
  private func multiplyByCorner(_ block: Range<Int>) {
    let size = block.count * Self.width
    let start = block.lowerBound * Self.width
    eachChunk(panels - block.count, on: pool) { chunk in
      withUnsafeTemporaryAllocation(of: Double.self, capacity: size * Self.width) { old in
        guard let old = old.baseAddress else { return }
        let panel = chunk < block.lowerBound ? chunk : chunk + block.count
        let new: UnsafeMutablePointer<Double>
        if panel < block.lowerBound {
          new = self[panel, row: start]
          old.update(from: new, count: size * Self.width)
        } else {
          new = left + panel * size * Self.width
          takeTransposed(block, rowsOf: panel, into: old)
        }
        new.update(repeating: 0, count: size * Self.width)
        for strip in 0..<size / Self.strip {
          // The corner is triangular: a strip ends with its diagonal.
          kernels.wideUpdate(
            1, (strip + 1) * Self.strip, corner + size * (size + 1) + strip * size * Self.strip,
            Self.strip, 0, old, 1, new + strip * Self.strip * Self.width)
        }
      }
    }
  }

  /// Moves the block's columns in the rows of `panel` to `[block, width]`, and leaves zeros.
  private func takeTransposed(
    _ block: Range<Int>, rowsOf panel: Int, into target: UnsafeMutablePointer<Double>
  ) {
    for (index, column) in block.enumerated() {
      let source = self[column, row: panel * Self.width]
      let base = target + index * Self.width * Self.width
      for row in 0..<Self.width {
        for lane in 0..<Self.width {
          base[lane * Self.width + row] = source[row * Self.width + lane]
        }
      }
      source.update(repeating: 0, count: Self.width * Self.width)
    }
  }

  /// Takes the product of the block's column and row out of all rows below.
  private func updateBelow(_ block: Range<Int>) {
    let (rowSpan, columnSpan) = (8, 16)
    var jobs: [(rows: Range<Int>, columns: Range<Int>)] = []
    for first in stride(from: block.upperBound, to: panels, by: rowSpan) {
      let rows = first..<min(first + rowSpan, panels)
      for column in stride(from: 0, to: rows.upperBound, by: columnSpan) {
        jobs.append((rows, column..<min(column + columnSpan, rows.upperBound)))
      }
    }
    let size = block.count * Self.width
    eachChunk(jobs.count, on: pool) { index in
      for column in jobs[index].columns {
        // In the block's own columns the row begins with the diagonal; what is above it is zero.
        let skipped = block.contains(column) ? (column - block.lowerBound) * Self.width : 0
        let right =
          column >= block.upperBound
          ? left + column * size * Self.width
          : self[column, row: block.lowerBound * Self.width + skipped]
        for row in jobs[index].rows where row >= column {
          kernels.wideUpdate(
            Self.width / Self.strip, size - skipped,
            left + row * size * Self.width + skipped * Self.width, Self.width, Self.strip, right,
            -1, self[column, row: row * Self.width])
        }
      }
    }
  }
}
