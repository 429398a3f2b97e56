import COpenBLAS

/// What errors of a linear layer's weights cost at its output, on the inputs of calibration.
///
/// For a row of errors d it is the mean over tokens of `(x . d)^2`. That is `d M d^T` with M the second moments of the
/// inputs, so it is found from them without any token, or from the tokens themselves.
package struct OutputError: Sendable {
  private enum Form {
    /// `[columns, columns]`, row by row, of which whole panels of columns are used, down to the end of the diagonal:
    /// what lies above a panel's own square stands for both triangles and is doubled.
    case moments([Float])
    /// `[tokens, columns]`.
    case inputs([Float], tokens: Int)
  }

  /// Input channels.
  package let columns: Int
  private let form: Form
  /// What a sum is multiplied by to become a mean over tokens.
  private let factor: Double
  /// Columns, or tokens, that are multiplied at a time.
  private let panel: Int

  /// From second moments, which a `Hessian` is up to a factor.
  package init(_ hessian: Hessian) {
    // H is 2 / sequences times the sum over tokens.
    let factor =
      hessian.tokens == 0
      ? 0 : Double(hessian.sequences) / (2 * Double(hessian.tokens))
    self.init(moments: hessian.matrix(), columns: hessian.columns, factor: factor)
  }

  /// From `moments`, `[columns, columns]`, symmetric, which times `factor` are means over tokens.
  package init(moments: [Float], columns: Int, factor: Double) {
    precondition(
      moments.count == columns * columns, "\(moments.count) moments, \(columns) channels")
    let panel = columns > 256 ? 256 : 64
    var folded = moments
    folded.withUnsafeMutableBufferPointer { folded in
      for row in 0..<columns {
        let first = min(columns, (row / panel + 1) * panel)
        for place in row * columns + first..<(row + 1) * columns { folded[place] *= 2 }
      }
    }
    self.columns = columns
    self.factor = factor
    self.panel = panel
    form = .moments(folded)
  }

  /// From `inputs`, `[tokens, columns]`.
  package init(inputs: [Float], tokens: Int, columns: Int) {
    precondition(inputs.count == tokens * columns, "\(inputs.count) inputs, \(tokens) x \(columns)")
    self.columns = columns
    factor = tokens == 0 ? 0 : 1 / Double(tokens)
    panel = 256
    form = .inputs(inputs, tokens: tokens)
  }

  /// Writes what each of `rows` rows of `errors`, `[rows, columns]`, costs.
  ///
  /// Products are float32 and summed in runs of a panel, the runs in float64.
  package func means(
    of errors: UnsafePointer<Float>, rows: Int, into means: UnsafeMutablePointer<Double>
  ) {
    for row in 0..<rows { means[row] = 0 }
    withUnsafeTemporaryAllocation(of: Float.self, capacity: rows * panel) { product in
      guard let product = product.baseAddress else { return }
      switch form {
      case .moments(let moments):
        for first in stride(from: 0, to: columns, by: panel) {
          let width = min(panel, columns - first)
          multiply(errors, rows, moments, first: first, width: width, depth: first + width, product)
          for row in 0..<rows {
            means[row] += Self.dot(
              product + row * width, errors + row * columns + first, count: width)
          }
        }
      case .inputs(let inputs, let tokens):
        for first in stride(from: 0, to: tokens, by: panel) {
          let width = min(panel, tokens - first)
          multiply(errors, rows, inputs, tokens: first..<first + width, product)
          for row in 0..<rows {
            means[row] += Self.dot(product + row * width, product + row * width, count: width)
          }
        }
      }
    }
    for row in 0..<rows { means[row] *= factor }
  }

  /// The mean over rows and tokens for `errors`, `[rows, columns]`.
  package func mean(of errors: [Float]) -> Double {
    let rows = errors.count / max(1, columns)
    guard rows > 0 else { return 0 }
    let means = [Double](unsafeUninitializedCapacity: rows) { buffer, filled in
      errors.withUnsafeBufferPointer { errors in
        guard let errors = errors.baseAddress, let means = buffer.baseAddress else { return }
        self.means(of: errors, rows: rows, into: means)
        filled = rows
      }
    }
    return means.reduce(0, +) / Double(rows)
  }

  /// Runs `body`, whose threads each multiply on their own.
  static func withOneThread(_ body: () -> Void) {
    let threads = openblas_get_num_threads()
    openblas_set_num_threads(1)
    defer { openblas_set_num_threads(threads) }
    body()
  }

  /// The errors times a panel of the moments, down to row `depth`.
  private func multiply(
    _ errors: UnsafePointer<Float>, _ rows: Int, _ moments: [Float], first: Int, width: Int,
    depth: Int, _ product: UnsafeMutablePointer<Float>
  ) {
    moments.withUnsafeBufferPointer { moments in
      guard let moments = moments.baseAddress else { return }
      cblas_sgemm(
        Int32(CblasRowMajor), Int32(CblasNoTrans), Int32(CblasNoTrans),
        Int32(rows), Int32(width), Int32(depth), 1, errors, Int32(columns), moments + first,
        Int32(columns), 0, product, Int32(width))
    }
  }

  /// The errors times some tokens' inputs.
  private func multiply(
    _ errors: UnsafePointer<Float>, _ rows: Int, _ inputs: [Float], tokens: Range<Int>,
    _ product: UnsafeMutablePointer<Float>
  ) {
    inputs.withUnsafeBufferPointer { inputs in
      guard let inputs = inputs.baseAddress else { return }
      cblas_sgemm(
        Int32(CblasRowMajor), Int32(CblasNoTrans), Int32(CblasTrans),
        Int32(rows), Int32(tokens.count), Int32(columns), 1, errors, Int32(columns),
        inputs + tokens.lowerBound * columns, Int32(columns), 0, product, Int32(tokens.count))
    }
  }

  private static func dot(
    _ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>, count: Int
  ) -> Double {
    var sum = Grid.Vector.zero
    var index = 0
    while index + Grid.width <= count {
      sum += Grid.load(left + index) * Grid.load(right + index)
      index += Grid.width
    }
    var rest: Float = 0
    while index < count {
      rest += left[index] * right[index]
      index += 1
    }
    return Double(sum.sum() + rest)
  }
}
