import Operators
import Platform

/// The upper triangular U with `U^T U = (H + damping)^-1`, whose rows spread the errors of GPTQ.
///
/// No inverse is formed: with rows and columns in reverse order the Cholesky factor of H is R, upper triangular in the
/// right order, with `H = R R^T`; U is the inverse of R. Both are found in one sweep (see `FactorSweep`), in float64.
struct InverseFactor: Sendable {
  /// Columns of a panel.
  static let width = CalibrationKernels.strip

  let columns: Int
  /// In panels of columns, each down to its last row, `[(p + 1) * width, width]`; zeros below the diagonal and beyond
  /// the last column.
  let values: [Float]

  var panels: Int { (columns + Self.width - 1) / Self.width }

  /// Bytes that a factor of so many columns takes.
  static func byteCount(columns: Int) -> Int {
    offset((columns + width - 1) / width) * MemoryLayout<Float>.stride
  }

  /// Where panel `panel` begins.
  static func offset(_ panel: Int) -> Int { width * width * (panel * (panel + 1) / 2) }

  /// Factors `matrix` times `factor`, with another diagonal, rows and columns in `order`, and `damping` added to the
  /// diagonal.
  ///
  /// Work is shared over `pool`; the result does not depend on its threads.
  ///
  /// - Returns: nil when the damped matrix is not positive definite in float64.
  init?(
    _ matrix: SymmetricPanels, times factor: Float, diagonal: [Float], order: [Int],
    damping: Double, pool: WorkerPool?, kernels: CalibrationKernels
  ) {
    columns = order.count
    let reversed = Array(order.reversed())
    let sweep = FactorSweep(columns: order.count, pool: pool, kernels: kernels)
    matrix.values.withUnsafeBufferPointer { matrix in
      sweep.fill { row, columns, target in
        let from = reversed[row]
        for column in columns {
          let other = reversed[column]
          let place = SymmetricPanels.place(min(from, other), max(from, other))
          target[column - columns.lowerBound] = Double(matrix[place] * factor)
        }
        if columns.upperBound > row {
          target[row - columns.lowerBound] = Double(diagonal[from]) + damping
        }
      }
    }
    guard sweep.run() else { return nil }
    values = Self.upper(sweep, columns: columns, pool: pool)
  }

  /// The result of the sweep in its right order.
  private static func upper(_ sweep: FactorSweep, columns: Int, pool: WorkerPool?) -> [Float] {
    let panels = (columns + width - 1) / width
    let count = offset(panels)
    return [Float](unsafeUninitializedCapacity: count) { buffer, filled in
      if let base = buffer.baseAddress {
        eachChunk(panels, on: pool) { panel in
          let target = base + offset(panel)
          let rows = (panel + 1) * width
          target.initialize(repeating: 0, count: rows * width)
          for column in panel * width..<min(rows, columns) {
            // Reversed, row 0 is the last one of its column.
            var source = sweep.address(row: columns - 1, column: columns - 1 - column)
            for row in 0...column {
              target[row * width + column % width] = Float(source.pointee)
              source -= FactorSweep.rowStride
            }
          }
        }
      }
      filled = count
    }
  }
}
