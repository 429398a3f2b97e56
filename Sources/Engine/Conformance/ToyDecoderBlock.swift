import Glibc
import Models
import Quantization

/// The decoder block of AWQ's fixtures, in float32: RMS norm, causal attention without rotation, SwiGLU, residuals.
///
/// Query heads share a KV head in runs; sequences do not see each other.
struct ToyDecoderBlock {
  let hidden: Int
  let intermediate: Int
  let heads: Int
  let kvHeads: Int
  let epsilon: Float
  /// `[rows, columns]`.
  let weights: [Projection: [Float]]
  let gains: [BlockNorm: [Float]]
  /// Tokens of each sequence.
  let length: Int

  var dimension: Int { hidden / heads }

  /// Its layers and norms, named as in the fixtures.
  var plan: BlockPlan {
    .gated(
      hidden: hidden, heads: heads, kvHeads: kvHeads, headDimension: dimension,
      intermediate: intermediate)
  }

  func rows(of projection: Projection) -> Int { plan[projection]?.rows ?? 0 }

  func columns(of projection: Projection) -> Int { plan[projection]?.columns ?? 0 }

  /// What attention does with normed inputs, and what enters o on the way; all `[tokens, hidden]`.
  func attention(
    _ inputs: [Float], with other: [Projection: [Float]] = [:]
  ) -> (attended: [Float], output: [Float]) {
    func run(_ projection: Projection, _ inputs: [Float]) -> [Float] {
      linear(inputs, projection, other)
    }
    let attended = attend(run(.q, inputs), run(.k, inputs), run(.v, inputs))
    return (attended, run(.o, attended))
  }

  /// What the feed-forward layers do with normed inputs, and what enters down on the way, `[tokens, intermediate]`.
  func feedForward(
    _ inputs: [Float], with other: [Projection: [Float]] = [:]
  ) -> (gated: [Float], output: [Float]) {
    let gate = linear(inputs, .gate, other)
    let up = linear(inputs, .up, other)
    let gated = zip(gate, up).map { $0 / (1 + exp(-$0)) * $1 }
    return (gated, linear(gated, .down, other))
  }

  /// RMS norm over each token.
  func normed(_ inputs: [Float], by norm: BlockNorm) -> [Float] {
    let gains = gains[norm] ?? []
    var result = inputs
    for first in stride(from: 0, to: inputs.count, by: hidden) {
      let sum = inputs[first..<first + hidden].reduce(0) { $0 + Double($1) * Double($1) }
      let factor = Float(1 / (sum / Double(hidden) + Double(epsilon)).squareRoot())
      for channel in 0..<hidden {
        result[first + channel] = result[first + channel] * factor * gains[channel]
      }
    }
    return result
  }

  private func linear(
    _ inputs: [Float], _ projection: Projection, _ other: [Projection: [Float]]
  ) -> [Float] {
    let weights = other[projection] ?? weights[projection] ?? []
    let (rows, columns) = (rows(of: projection), columns(of: projection))
    let tokens = inputs.count / columns
    var outputs = [Float](repeating: 0, count: tokens * rows)
    inputs.withUnsafeBufferPointer { inputs in
      weights.withUnsafeBufferPointer { weights in
        guard let inputs = inputs.baseAddress, let weights = weights.baseAddress else { return }
        for token in 0..<tokens {
          let input = inputs + token * columns
          for row in 0..<rows {
            outputs[token * rows + row] = Self.dot(input, weights + row * columns, count: columns)
          }
        }
      }
    }
    return outputs
  }

  /// The sum of products of two runs of `count` numbers, in eight sums side by side.
  private static func dot(
    _ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>, count: Int
  ) -> Float {
    var sums = SIMD8<Float>()
    let whole = count / 8 * 8
    for first in stride(from: 0, to: whole, by: 8) {
      for lane in 0..<8 { sums[lane] += left[first + lane] * right[first + lane] }
    }
    var sum = sums.sum()
    for index in whole..<count { sum += left[index] * right[index] }
    return sum
  }

  private func attend(_ queries: [Float], _ keys: [Float], _ values: [Float]) -> [Float] {
    let width = kvHeads * dimension
    let factor = 1 / Float(dimension).squareRoot()
    var result = [Float](repeating: 0, count: queries.count)
    var scores = [Float](repeating: 0, count: length)
    for token in 0..<queries.count / hidden {
      let first = token / length * length
      for head in 0..<heads {
        let query = token * hidden + head * dimension
        let shared = head / (heads / kvHeads) * dimension
        var largest = -Float.infinity
        for past in first...token {
          var score: Float = 0
          for index in 0..<dimension {
            score += queries[query + index] * keys[past * width + shared + index]
          }
          scores[past - first] = score * factor
          largest = max(largest, score * factor)
        }
        var sum: Float = 0
        for past in 0...token - first {
          scores[past] = exp(scores[past] - largest)
          sum += scores[past]
        }
        for past in first...token {
          let share = scores[past - first] / sum
          for index in 0..<dimension {
            result[query + index] += share * values[past * width + shared + index]
          }
        }
      }
    }
    return result
  }
}
