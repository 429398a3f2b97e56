import COpenBLAS

/// The second moments of a layer's inputs, `H = (2 / n) * sum X^T X` over n sequences: what GPTQ weighs
/// errors with.
///
/// A positive factor changes nothing but the losses that are reported; this one is the reference's.
package struct Hessian: Sendable {
  /// Input channels.
  package let columns: Int
  /// Sequences seen.
  package private(set) var sequences = 0
  /// Tokens seen.
  package private(set) var tokens = 0
  /// The upper triangle of the sum, `[columns, columns]`.
  private var sum: [Float]

  package init(columns: Int) {
    self.columns = columns
    sum = [Float](repeating: 0, count: columns * columns)
  }

  /// Adds one sequence, `[tokens, columns]`.
  ///
  /// Sums are float32 products of float32 inputs, added in runs of some hundred tokens.
  package mutating func add(_ inputs: UnsafePointer<Float>, tokens: Int) {
    guard tokens > 0, columns > 0 else { return }
    sequences += 1
    self.tokens += tokens
    let width = Int32(columns)
    sum.withUnsafeMutableBufferPointer { sum in
      cblas_ssyrk(
        Int32(CblasRowMajor), Int32(CblasUpper), Int32(CblasTrans),
        width, Int32(tokens), 1, inputs, width, 1, sum.baseAddress, width)
    }
  }

  /// The whole matrix, `[columns, columns]`, row by row; zeros before anything was added.
  package func matrix() -> [Float] {
    let factor = sequences == 0 ? 0 : 2 / Float(sequences)
    let count = columns
    return [Float](unsafeUninitializedCapacity: count * count) { buffer, filled in
      sum.withUnsafeBufferPointer { sum in
        for row in 0..<count {
          for column in row..<count {
            let value = sum[row * count + column] * factor
            buffer.initializeElement(at: row * count + column, to: value)
            if column > row { buffer.initializeElement(at: column * count + row, to: value) }
          }
        }
      }
      filled = count * count
    }
  }
}
