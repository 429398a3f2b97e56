import Glibc
import Models
import Operators
import Tensors

/// A decoder block computed from its plan in float64, one number after the other: what the runner is held against.
struct PlainBlock {
  let block: DecoderBlock
  let epsilon: Double

  private var plan: BlockPlan { block.plan }

  /// The residual stream of one sequence after the block, `[tokens][hidden]`.
  func run(_ input: [[Double]]) -> [[Double]] {
    let middle = add(input, attend(opened(input, .attention)), .attentionOutput)
    return add(middle, feedForward(opened(middle, .feedForward)), .feedForwardOutput)
  }

  private func opened(_ stream: [[Double]], _ place: BlockNorm) -> [[Double]] {
    stream.map { normed($0, place) }
  }

  private func add(_ stream: [[Double]], _ delta: [[Double]], _ place: BlockNorm) -> [[Double]] {
    zip(stream, delta).map { row, delta in
      zip(row, normed(delta, place)).map { $0 + Double(plan.residualMultiplier) * $1 }
    }
  }

  private func normed(_ row: [Double], _ place: BlockNorm) -> [Double] {
    guard let norm = block.norms[place] else { return row }
    let width = norm.count
    var result: [Double] = []
    for first in stride(from: 0, to: row.count, by: width) {
      let part = Array(row[first..<first + width])
      let mean = norm.kind == .layer ? part.reduce(0, +) / Double(width) : 0
      let power = part.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(width)
      let factor = 1 / (power + epsilon).squareRoot()
      for (channel, value) in part.enumerated() {
        result.append(
          (value - mean) * factor * Double(norm.values[channel])
            + Double(norm.bias?[channel] ?? 0))
      }
    }
    return result
  }

  private func linear(_ rows: [[Double]], _ role: Projection) -> [[Double]] {
    let linear = block[role]
    let weights = linear.weight.dequantized().map(Double.init)
    return rows.map { row in
      (0..<linear.rows).map { output in
        var sum = Double(linear.bias?[output] ?? 0)
        for column in 0..<linear.columns {
          sum += weights[output * linear.columns + column] * row[column]
        }
        return sum
      }
    }
  }

  private func turned(_ row: [Double], position: Int) -> [Double] {
    guard let rotation = plan.attention.rotation else { return row }
    let angles = rotation.embedding.frequencies(headDimension: rotation.channels)
    let half = rotation.channels / 2
    var result = row
    for first in stride(from: 0, to: row.count, by: plan.attention.headDimension) {
      for pair in 0..<half {
        let angle = Double(position) * Double(angles[pair])
        let (a, b) = (row[first + pair], row[first + half + pair])
        result[first + pair] = a * cos(angle) - b * sin(angle)
        result[first + half + pair] = b * cos(angle) + a * sin(angle)
      }
    }
    return result
  }

  private func attend(_ rows: [[Double]]) -> [[Double]] {
    let attention = plan.attention
    let dimension = attention.headDimension
    let scale = attention.scale.map(Double.init) ?? 1 / Double(dimension).squareRoot()
    let queries = linear(rows, .q).enumerated().map {
      turned(normed($0.element, .query), position: $0.offset)
    }
    let keys = linear(rows, .k).enumerated().map {
      turned(normed($0.element, .key), position: $0.offset)
    }
    let values = linear(rows, .v)
    let attended = rows.indices.map { token in
      (0..<attention.heads).flatMap { head -> [Double] in
        let shared = head / (attention.heads / attention.kvHeads) * dimension
        let first = attention.window > 0 ? max(0, token - attention.window + 1) : 0
        let scores = (first...token).map { past in
          scale
            * (0..<dimension).reduce(0) {
              $0 + queries[token][head * dimension + $1] * keys[past][shared + $1]
            }
        }
        let largest = scores.max() ?? 0
        let shares = scores.map { exp($0 - largest) }
        let sum = shares.reduce(0, +)
        return (0..<dimension).map { channel in
          zip(first...token, shares).reduce(0) { $0 + $1.1 / sum * values[$1.0][shared + channel] }
        }
      }
    }
    return linear(attended, .o)
  }

  private func feedForward(_ rows: [[Double]]) -> [[Double]] {
    let up = linear(rows, .up)
    guard plan.feedForward.hasGate else { return linear(up.map { $0.map(activated) }, .down) }
    let gate = linear(rows, .gate)
    return linear(zip(gate, up).map { zip($0, $1).map { activated($0) * $1 } }, .down)
  }

  private func activated(_ x: Double) -> Double {
    switch plan.feedForward.activation {
    case nil: x
    case .silu?: x / (1 + exp(-x))
    case .relu?: max(0, x)
    case .gelu?: 0.5 * x * (1 + erf(x / 2.0.squareRoot()))
    case .geluTanh?:
      0.5 * x * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
    }
  }
}
