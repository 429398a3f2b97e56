import Glibc
import Platform
import Quantization

/// AWQ's searches an output at a time, from activations; sums are in float64.
enum PlainAWQ {
  /// Scales at one ratio, without guards.
  static func scales(_ inputs: [Double], _ weights: [Double]?, ratio: Double) -> [Double] {
    let raw = inputs.indices.map { channel in
      let scale = pow(inputs[channel], ratio)
      return max(1e-4, weights.map { scale / (pow($0[channel], 1 - ratio) + 1e-4) } ?? scale)
    }
    let middle = (raw.max()! * raw.min()!).squareRoot()
    return raw.map { $0 / middle }
  }

  static func inputMeans(_ sample: AWQSample) -> [Double] {
    (0..<sample.columns).map { channel in
      (0..<sample.tokens).reduce(0) {
        $0 + abs(Double(sample.inputs[$1 * sample.columns + channel]))
      }
        / Double(sample.tokens)
    }
  }

  static func weightMeans(_ sample: AWQSample, group: Int) -> [Double] {
    (0..<sample.columns).map { channel in
      (0..<sample.rows).reduce(0) { sum, row in
        let first = row * sample.columns + channel / group * group
        let largest = sample.weights[first..<first + group].map { abs(Double($0)) }.max()!
        return sum + abs(Double(sample.weights[row * sample.columns + channel])) / (largest + 1e-6)
      } / Double(sample.rows)
    }
  }

  /// `round(weights * scales) / scales`.
  static func rounded(_ sample: AWQSample, _ grid: Grid, group: Int, scales: [Double]) -> [Double] {
    var result: [Double] = []
    for start in stride(from: 0, to: sample.weights.count, by: group) {
      let first = start % sample.columns
      let values = (0..<group).map { sample.weights[start + $0] * Float(scales[first + $0]) }
      let formula = FormulaGrid(grid, values)
      for (index, value) in values.enumerated() {
        result.append(
          formula.scale * Double(formula.code(value) - formula.zero) / scales[first + index])
      }
    }
    return result
  }

  /// The mean squared change of all outputs.
  static func loss(_ sample: AWQSample, _ changed: [Double]) -> Double {
    var sum = 0.0
    for token in 0..<sample.tokens {
      for row in 0..<sample.rows {
        var output = 0.0
        for channel in 0..<sample.columns {
          let place = row * sample.columns + channel
          output +=
            Double(sample.inputs[token * sample.columns + channel])
            * (changed[place] - Double(sample.weights[place]))
        }
        sum += output * output
      }
    }
    return sum / Double(sample.tokens * sample.rows)
  }

  /// llm-awq's pseudo_quantize_tensor of one group, in float32: a range clipped to -m...m has its ends in the middle
  /// between two codes, so that the last bit of their quotient says which they fall to.
  static func rounded(_ values: [Float], _ grid: Grid) -> [Float] {
    let steps = Float(1 << grid.bits - 1)
    let (low, high) = (values.min()!, values.max()!)
    let scale = max(high - low, 1e-5) / steps
    let zero = max(0, min(steps, -(low / scale).rounded(.toNearestOrEven)))
    return values.map {
      (max(0, min(steps, ($0 / scale).rounded(.toNearestOrEven) + zero)) - zero) * scale
    }
  }

  /// The error of one row and group for each of ten shrunk ranges.
  static func clipErrors(
    _ sample: AWQSample, _ grid: Grid, row: Int, channels: Range<Int>, step: Int
  ) -> [Double] {
    let values = channels.map { sample.weights[row * sample.columns + $0] }
    let largest = values.map(\.magnitude).max()!
    return (0..<10).map { index in
      let limit = largest * Float(1 - Double(index) / 20)
      let errors = zip(rounded(values.map { max(-limit, min(limit, $0)) }, grid), values).map {
        Double($0) - Double($1)
      }
      let tokens = stride(from: 0, to: sample.tokens, by: step)
      var sum = 0.0
      for token in tokens {
        let output = zip(channels, errors).reduce(0) {
          $0 + Double(sample.inputs[token * sample.columns + $1.0]) * $1.1
        }
        sum += output * output
      }
      return sum / Double(Array(tokens).count)
    }
  }
}

/// A layer and its inputs, some channels of which are far louder than others.
struct AWQSample {
  let rows: Int
  let columns: Int
  let tokens: Int
  let weights: [Float]
  let inputs: [Float]

  init(rows: Int, columns: Int, tokens: Int, seed: UInt64, dead: Set<Int> = []) {
    self.rows = rows
    self.columns = columns
    self.tokens = tokens
    var generator = SeededGenerator(seed: seed, stream: [3])
    weights = (0..<rows * columns).map { _ in
      // Heavy tails, which make clipping worth while.
      let normal = generator.normal()
      return Float(0.03 * normal * (1 + 0.3 * normal * normal))
    }
    let sizes = (0..<columns).map { Float(exp(1.2 * generator.normal())) * ($0 % 29 == 7 ? 12 : 1) }
    inputs = (0..<tokens * columns).map { index in
      let value = Float(generator.normal()) + 0.2
      return dead.contains(index % columns) ? 0 : value * sizes[index % columns]
    }
  }

  func layer(_ grid: Grid?, name: String = "block 2 down") throws -> AWQ.Layer {
    try AWQ.Layer(name: name, rows: rows, columns: columns, weights: weights, grid: grid)
  }

  /// All inputs seen, in sequences of `length`.
  func seen(length: Int = 50) -> AWQInputs {
    var result = AWQInputs(columns: columns, expected: tokens, gathersMoments: true)
    inputs.withUnsafeBufferPointer { inputs in
      for first in stride(from: 0, to: tokens, by: length) {
        result.add(inputs.baseAddress! + first * columns, tokens: min(length, tokens - first))
      }
    }
    return result
  }
}
