import Operators
import Platform

/// A symmetric matrix of float32 as its upper triangle: panels of columns, each down to its last row.
///
/// Panel p holds the columns from `p * width` on, row by row, `[(p + 1) * width, width]`; the panels lie one after the
/// other. That is half of the memory, and the tile of an update is one run of it.
struct SymmetricPanels: Sendable {
  static let width = CalibrationKernels.panel

  let columns: Int
  /// What is below the diagonal, or beyond the last column, means nothing but is finite where the rest is.
  private(set) var values: [Float]

  var panels: Int { (columns + Self.width - 1) / Self.width }

  /// Zeros.
  init(columns: Int) {
    self.columns = columns
    values = []
    values = [Float](repeating: 0, count: Self.offset(panels))
  }

  /// The upper triangle of `matrix`, `[columns, columns]`.
  init(_ matrix: [Float], columns: Int) {
    self.init(columns: columns)
    for row in 0..<columns {
      for column in row..<columns {
        values[Self.place(row, column)] = matrix[row * columns + column]
      }
    }
  }

  /// Bytes that a matrix of so many columns takes.
  static func byteCount(columns: Int) -> Int {
    offset((columns + width - 1) / width) * MemoryLayout<Float>.stride
  }

  /// Numbers that the inputs of a run of tokens are laid out in.
  static func packedCount(columns: Int, tokens: Int) -> Int {
    (columns + width - 1) / width * width * min(tokens, tokensPerRun)
  }

  /// Where panel `panel` begins.
  static func offset(_ panel: Int) -> Int { width * width * (panel * (panel + 1) / 2) }

  /// Where the entry of `row` and `column` lies, `row` not being greater.
  static func place(_ row: Int, _ column: Int) -> Int {
    offset(column / width) + row * width + column % width
  }

  var diagonal: [Float] { (0..<columns).map { values[Self.place($0, $0)] } }

  /// Sets what a column has in common with all others to 0.
  mutating func isolate(_ column: Int) {
    for row in 0..<column { values[Self.place(row, column)] = 0 }
    for other in column + 1..<max(columns, column + 1) { values[Self.place(column, other)] = 0 }
  }

  /// Whether every value is a finite number.
  var isFinite: Bool {
    values.withUnsafeBufferPointer { values in
      values.baseAddress.map { Grid.range(of: $0, count: values.count) != nil } ?? true
    }
  }

  /// Both triangles, `[columns, columns]` row by row, times `factor`.
  func matrix(times factor: Float) -> [Float] {
    [Float](unsafeUninitializedCapacity: columns * columns) { buffer, filled in
      values.withUnsafeBufferPointer { values in
        for row in 0..<columns {
          for column in row..<columns {
            let value = values[Self.place(row, column)] * factor
            buffer.initializeElement(at: row * columns + column, to: value)
            if column > row { buffer.initializeElement(at: column * columns + row, to: value) }
          }
        }
      }
      filled = columns * columns
    }
  }

  /// Adds `inputs^T inputs`, `[tokens, columns]`.
  ///
  /// Products are summed in float32 over runs of `tokensPerRun` tokens, the runs one after the other.
  mutating func addMoments(
    of inputs: UnsafePointer<Float>, tokens: Int, pool: WorkerPool?, kernels: CalibrationKernels
  ) {
    let (panels, columns) = (panels, columns)
    let jobs = Self.jobs(panels: panels)
    let run = min(tokens, Self.tokensPerRun)
    withUnsafeTemporaryAllocation(of: Float.self, capacity: panels * run * Self.width) { packed in
      guard let packed = packed.baseAddress else { return }
      values.withUnsafeMutableBufferPointer { values in
        guard let values = values.baseAddress else { return }
        for first in stride(from: 0, to: tokens, by: run) {
          let count = min(run, tokens - first)
          eachChunk(panels, on: pool) { panel in
            Self.pack(
              inputs + first * columns, tokens: count, columns: columns, panel: panel, into: packed)
          }
          eachChunk(jobs.count, on: pool) { index in
            let job = jobs[index]
            let right = packed + job.panel * count * Self.width
            for left in job.rows {
              kernels.update(
                Self.width / CalibrationKernels.strip, count, packed + left * count * Self.width,
                Self.width, CalibrationKernels.strip, right, 1,
                values + Self.offset(job.panel) + left * Self.width * Self.width)
            }
          }
        }
      }
    }
  }

  /// Tokens whose products are summed in registers: enough to be worth the walk through the matrix, few enough for
  /// two panels of inputs to stay in a core's cache.
  private static let tokensPerRun = 512

  /// One turn of a worker: some squares of a panel.
  private struct Job {
    let panel: Int
    let rows: Range<Int>
  }

  /// The squares of all panels in turns, the widest panels first.
  private static func jobs(panels: Int) -> [Job] {
    let span = 8
    return (0..<panels).reversed().flatMap { panel in
      stride(from: 0, through: panel, by: span).map {
        Job(panel: panel, rows: $0..<min($0 + span, panel + 1))
      }
    }
  }

  /// Writes the columns of one panel of inputs, `[tokens, width]`, with zeros beyond the last column.
  private static func pack(
    _ inputs: UnsafePointer<Float>, tokens: Int, columns: Int, panel: Int,
    into packed: UnsafeMutablePointer<Float>
  ) {
    let first = panel * width
    let count = min(width, columns - first)
    let base = packed + panel * tokens * width
    for token in 0..<tokens {
      let row = base + token * width
      row.update(from: inputs + token * columns + first, count: count)
      if count < width { (row + count).update(repeating: 0, count: width - count) }
    }
  }
}
