package import Platform
package import Tensors

/// LLM.int8(): INT8 for all columns but those where an input stands out, which are multiplied in floating point.
///
/// Dettmers et al., arXiv 2208.07339; bitsandbytes, `int8_vectorwise_quant` and `MatMul8bitLt`. This is the arithmetic,
/// in float64 where numbers are summed; kernels do the work.
package enum LLMInt8 {
  /// Inputs in INT8, but for their outliers.
  package struct Inputs: Hashable, Sendable {
    /// `[tokens, columns]`, 0 in outlier columns.
    package var codes: [Int8]
    /// The largest magnitude of each token among those that are no outliers, `[tokens]`; bitsandbytes' SCA.
    package var maxima: [Float]
    /// Columns with an outlier, of any token.
    package var outliers: [Int]
  }

  /// What does not count for the scale of a token.
  package enum Exclusion: Sendable {
    /// Values that reach the threshold (bitsandbytes).
    case values
    /// All values of outlier columns (paper).
    case columns
  }

  /// Codes `inputs`, `[tokens, columns]`; a threshold of 0 finds no outliers.
  package static func encode(
    _ inputs: [Float], columns: Int, threshold: Float, excluding: Exclusion = .values
  ) -> Inputs {
    let tokens = columns == 0 ? 0 : inputs.count / columns
    var isOutlier = [Bool](repeating: false, count: columns)
    if threshold > 0 {
      for (index, value) in inputs.enumerated() where value.magnitude >= threshold {
        isOutlier[index % columns] = true
      }
    }
    var result = Inputs(
      codes: [Int8](repeating: 0, count: tokens * columns),
      maxima: [Float](repeating: 0, count: tokens),
      outliers: isOutlier.indices.filter { isOutlier[$0] })
    for token in 0..<tokens {
      let row = inputs[token * columns..<(token + 1) * columns]
      var largest: Float = 0
      for (column, value) in row.enumerated() {
        switch excluding {
        case .values where threshold > 0 && value.magnitude >= threshold: continue
        case .columns where isOutlier[column]: continue
        default: largest = max(largest, value.magnitude)
        }
      }
      result.maxima[token] = largest
      for (column, value) in row.enumerated() where !isOutlier[column] {
        result.codes[token * columns + column] = code(value, largest: largest)
      }
    }
    return result
  }

  /// The code of a value among others of at most `largest`; the reciprocal comes first, as PyTorch has it.
  private static func code(_ value: Float, largest: Float) -> Int8 {
    let inverse = 1 / largest * 127
    guard largest > 0, inverse.isFinite else { return 0 }
    return Int8(max(-127, min(127, (value * inverse).rounded(.toNearestOrEven))))
  }

  /// Rounds `weight` to symmetric INT8, a scale a row, rows shared out over `pool`.
  ///
  /// - Parameter layer: the name of the weight, for errors.
  /// - Throws: `QuantizationError.notFinite` at the first infinity or not-a-number.
  package static func quantize(
    _ weight: any LinearWeight, layer: String, pool: WorkerPool? = nil
  ) throws -> IntegerWeight {
    let (rows, columns) = (weight.rows, weight.columns)
    try weight.expectRoom(1)
    var codes = [UInt8](repeating: 128, count: rows * columns)
    // A row of zeros has a scale like any other: its codes are 0.
    var scales = [Float](repeating: 1, count: rows)
    let failed = codes.withUnsafeMutableBufferPointer { codes in
      scales.withUnsafeMutableBufferPointer { scales in
        GridPass.eachRow(of: weight, pool) { row, values in
          guard let range = Grid.range(of: values, count: columns) else { return false }
          let largest = range.largestMagnitude
          let scale = largest / 127
          guard scale >= .leastNormalMagnitude else { return true }
          scales[row] = scale
          for column in 0..<columns {
            codes[row * columns + column] = UInt8(
              128 + Int(code(values[column], largest: largest)))
          }
          return true
        }
      }
    }
    if let failed { throw GridPass.notFinite(weight, row: failed, layer: layer) }
    return try IntegerWeight(
      format: WeightFormat(code: .integer(bits: 8), granularity: .channel), rows: rows,
      columns: columns, unpacked: codes, scales: scales)
  }

  /// The largest magnitude of each row of `weights`, `[rows, columns]`; bitsandbytes' SCB.
  package static func rowMaxima(of weights: [Float], columns: Int) -> [Float] {
    stride(from: 0, to: weights.count, by: max(1, columns)).map { start in
      weights[start..<start + columns].reduce(0) { max($0, $1.magnitude) }
    }
  }

  /// `X W^T`, `[tokens, rows]`: codes of inputs and weights for all columns but the outliers, and for those the inputs as
  /// they are with `weights`, `[rows, columns]`.
  ///
  /// - Parameters:
  ///   - codes: those of the weights, `[rows, columns]`.
  ///   - maxima: of the weights' rows.
  package static func product(
    _ inputs: [Float], coded: Inputs, codes: [Int8], maxima: [Float], weights: [Float],
    columns: Int
  ) -> [Double] {
    let rows = maxima.count
    var result: [Double] = []
    result.reserveCapacity(coded.maxima.count * rows)
    for token in coded.maxima.indices {
      let first = token * columns
      for row in 0..<rows {
        var sum = 0
        for column in 0..<columns {
          sum += Int(coded.codes[first + column]) * Int(codes[row * columns + column])
        }
        var value = Double(sum) * Double(coded.maxima[token]) * Double(maxima[row]) / (127 * 127)
        for column in coded.outliers {
          value += Double(inputs[first + column]) * Double(weights[row * columns + column])
        }
        result.append(value)
      }
    }
    return result
  }
}
