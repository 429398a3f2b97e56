package import Operators
package import Platform

/// How much of a layer's output a weight makes up: `sum over tokens and rows of (x w^T)^2`.
///
/// Of the difference of two weights it is what GPTQ keeps small, `sum of e H e^T` but for the Hessian's factor, found
/// without a Hessian.
package enum OutputEnergy {
  /// The sum for `weights`, `[rows, columns]`, on `inputs`, `[tokens, columns]`.
  ///
  /// Products are float32, a run of tokens at a time; they are summed in float64. Rows are shared over `pool`; the
  /// result does not depend on its threads.
  package static func sum(
    _ weights: [Float], rows: Int, columns: Int, inputs: [Float], tokens: Int,
    pool: WorkerPool? = nil, provider: ExecutionProvider = .best
  ) -> Double {
    guard rows > 0, columns > 0 else { return 0 }
    var sum = 0.0
    for first in stride(from: 0, to: tokens, by: tokensPerRun) {
      let count = min(tokensPerRun, tokens - first)
      let kernel = OutputErrorKernel(
        inputs: Array(inputs[first * columns..<(first + count) * columns]), tokens: count,
        columns: columns, provider: provider)
      sum += self.sum(weights, rows: rows, by: kernel, pool: pool)
    }
    return sum
  }

  /// Tokens that are packed at a time: few enough to cost little memory next to the inputs.
  private static let tokensPerRun = 1024
  /// Rows of one part: few enough to stay in a core's cache while all panels of tokens pass.
  private static let rowsPerPart = 48

  private static func sum(
    _ weights: [Float], rows: Int, by kernel: OutputErrorKernel, pool: WorkerPool?
  ) -> Double {
    let sums = [Double](unsafeUninitializedCapacity: rows) { buffer, filled in
      weights.withUnsafeBufferPointer { weights in
        guard let weights = weights.baseAddress, let sums = buffer.baseAddress else { return }
        nonisolated(unsafe) let (source, target) = (weights, sums)
        eachChunk((rows + rowsPerPart - 1) / rowsPerPart, on: pool) { part in
          let first = part * rowsPerPart
          kernel.sums(
            of: source + first * kernel.columns, rows: min(rowsPerPart, rows - first),
            into: target + first)
        }
        filled = rows
      }
    }
    return sums.reduce(0, +)
  }
}
