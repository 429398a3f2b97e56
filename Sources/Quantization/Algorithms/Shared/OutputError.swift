import Operators

/// What errors of a linear layer's weights cost at its output, on the inputs of calibration.
///
/// For a row of errors d it is the mean over tokens of `(x . d)^2`. That is `d M d^T` with M the second moments of the
/// inputs, so it is found from them without any token kept, or from the tokens themselves.
package struct OutputError: Sendable {
  /// Input channels.
  package var columns: Int { kernel.columns }
  private let kernel: OutputErrorKernel
  /// What a sum is multiplied by to become a mean over tokens.
  private let factor: Double

  /// From second moments, which a `Hessian` is up to a factor.
  package init(_ hessian: Hessian) {
    // H is 2 / sequences times the sum over tokens.
    let factor = Double(hessian.sequences) / (2 * Double(max(1, hessian.tokens)))
    self.init(moments: hessian.matrix(), columns: hessian.columns, factor: factor)
  }

  /// From `moments`, `[columns, columns]`, of which the upper triangle counts, and which times `factor` are means over
  /// tokens.
  package init(moments: [Float], columns: Int, factor: Double) {
    precondition(
      moments.count == columns * columns, "\(moments.count) moments, \(columns) channels")
    self.factor = factor
    kernel = OutputErrorKernel(moments: moments, columns: columns)
  }

  /// From `inputs`, `[tokens, columns]`.
  package init(inputs: [Float], tokens: Int, columns: Int) {
    precondition(inputs.count == tokens * columns, "\(inputs.count) inputs, \(tokens) x \(columns)")
    factor = 1 / Double(max(1, tokens))
    kernel = OutputErrorKernel(inputs: inputs, tokens: tokens, columns: columns)
  }

  /// From whichever is fewer of `inputs`, `[tokens, columns]`, and their second moments.
  package init(shorterOf inputs: [Float], tokens: Int, columns: Int) {
    // Of the moments half are multiplied.
    guard columns < 2 * tokens else {
      self.init(inputs: inputs, tokens: tokens, columns: columns)
      return
    }
    var moments = [Float](repeating: 0, count: columns * columns)
    moments.withUnsafeMutableBufferPointer { moments in
      inputs.withUnsafeBufferPointer { inputs in
        guard let moments = moments.baseAddress, let inputs = inputs.baseAddress else { return }
        for token in 0..<tokens {
          let values = inputs + token * columns
          for row in 0..<columns {
            let line = moments + row * columns
            let value = values[row]
            for column in row..<columns { line[column] += value * values[column] }
          }
        }
      }
    }
    self.init(moments: moments, columns: columns, factor: 1 / Double(tokens))
  }

  /// Writes what each of `rows` rows of `errors`, `[rows, columns]`, costs.
  ///
  /// What a row costs does not depend on the other rows.
  package func means(
    of errors: UnsafePointer<Float>, rows: Int, into means: UnsafeMutablePointer<Double>
  ) {
    kernel.sums(of: errors, rows: rows, into: means)
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
}
