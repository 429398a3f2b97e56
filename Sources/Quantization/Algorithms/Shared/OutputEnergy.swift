import COpenBLAS

/// How much of a layer's output a weight makes up: `sum over tokens and rows of (x w^T)^2`.
///
/// Of the difference of two weights it is what GPTQ keeps small, `sum of e H e^T` but for the Hessian's factor, found
/// without a Hessian.
package enum OutputEnergy {
  /// The sum for `weights`, `[rows, columns]`, on `inputs`, `[tokens, columns]`.
  ///
  /// Products are float32, a run of tokens at a time, on the threads of OpenBLAS; they are summed in float64.
  package static func sum(
    _ weights: [Float], rows: Int, columns: Int, inputs: [Float], tokens: Int
  ) -> Double {
    guard rows > 0, columns > 0 else { return 0 }
    let run = 256
    var outputs = [Float](repeating: 0, count: min(run, tokens) * rows)
    var sum = 0.0
    inputs.withUnsafeBufferPointer { inputs in
      guard let inputs = inputs.baseAddress else { return }
      for first in stride(from: 0, to: tokens, by: run) {
        let count = min(run, tokens - first)
        cblas_sgemm(
          Int32(CblasRowMajor), Int32(CblasNoTrans), Int32(CblasTrans), Int32(count), Int32(rows),
          Int32(columns), 1, inputs + first * columns, Int32(columns), weights, Int32(columns), 0,
          &outputs, Int32(rows))
        for index in 0..<count * rows { sum += Double(outputs[index]) * Double(outputs[index]) }
      }
    }
    return sum
  }
}
