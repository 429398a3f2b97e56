import Glibc

/// The function between the feed-forward layers of a block.
package enum Activation: String, Hashable, Sendable, Codable {
  /// `x / (1 + exp(-x))`.
  case silu
  /// GELU by the tangent formula (arXiv 1606.08415).
  case geluTanh = "gelu_tanh"
  /// GELU by the error function.
  case gelu
  case relu

  /// The function at one point, in float32.
  func callAsFunction(_ x: Float) -> Float {
    switch self {
    case .silu: x / (1 + exp(-x))
    case .geluTanh:
      0.5 * x * (1 + tanh(0.797_884_560_802_865_4 * (x + 0.044715 * x * x * x)))
    case .gelu: 0.5 * x * (1 + erf(x * 0.707_106_781_186_547_5))
    case .relu: max(0, x)
    }
  }
}

/// A gate within bounds: `g * sigmoid(alpha * g) * (u + 1)` with `g = min(gate, limit)` and `u` between `-limit` and `limit`
/// (gpt-oss).
package struct ClampedGate: Hashable, Sendable {
  package var limit: Float
  package var alpha: Float

  package init(limit: Float, alpha: Float) {
    self.limit = limit
    self.alpha = alpha
  }

  func callAsFunction(_ gate: Float, _ up: Float) -> Float {
    let gate = min(gate, limit)
    let up = max(-limit, min(up, limit))
    return gate / (1 + exp(-alpha * gate)) * (up + 1)
  }
}

/// Operators that families other than Llama's need; in plain Swift, the same for every provider.
extension ExecutionContext {
  /// `out = activation(x) * other`, `[rows, columns]`, where no activation is the identity.
  ///
  /// Without `other` it is the activation alone.
  package func activate(
    _ activation: Activation?, _ x: UnsafePointer<Float>, times other: UnsafePointer<Float>?,
    into out: UnsafeMutablePointer<Float>, rows: Int, columns: Int
  ) {
    if activation == .silu, let other {
      swiglu(gate: x, up: other, into: out, rows: rows, columns: columns)
      return
    }
    guard activation != nil || other != nil || x != UnsafePointer(out) else { return }
    inSlabs(.activation, rows: rows, columns: columns, passes: other == nil ? 2 : 3) {
      first, count in
      for place in first * columns..<(first + count) * columns {
        let value = activation.map { $0(x[place]) } ?? x[place]
        out[place] = other.map { value * $0[place] } ?? value
      }
    }
  }

  /// `out = gate(x, other)`, `[rows, columns]`; `out` may be `x`.
  package func activate(
    _ gate: ClampedGate, _ x: UnsafePointer<Float>, times other: UnsafePointer<Float>,
    into out: UnsafeMutablePointer<Float>, rows: Int, columns: Int
  ) {
    inSlabs(.activation, rows: rows, columns: columns, passes: 3) { first, count in
      for place in first * columns..<(first + count) * columns {
        out[place] = gate(x[place], other[place])
      }
    }
  }

  /// `out = (x - mean(x)) / sqrt(variance(x) + epsilon) * weight + bias` row by row, `[rows, columns]`; `out` may be `x`.
  package func layerNorm(
    _ x: UnsafePointer<Float>, weight: UnsafePointer<Float>, bias: UnsafePointer<Float>?,
    epsilon: Float, into out: UnsafeMutablePointer<Float>, rows: Int, columns: Int
  ) {
    inSlabs(.layerNorm, rows: rows, columns: columns, passes: 2) { first, count in
      for row in first..<first + count {
        let values = x + row * columns
        var sum = 0.0
        for column in 0..<columns { sum += Double(values[column]) }
        let mean = sum / Double(columns)
        var squares = 0.0
        for column in 0..<columns {
          let difference = Double(values[column]) - mean
          squares += difference * difference
        }
        let factor = Float(1 / (squares / Double(columns) + Double(epsilon)).squareRoot())
        for column in 0..<columns {
          let value = (values[column] - Float(mean)) * factor * weight[column]
          out[row * columns + column] = value + (bias?[column] ?? 0)
        }
      }
    }
  }

  /// `x *= factor`, `count` elements.
  package func multiply(_ x: UnsafeMutablePointer<Float>, by factor: Float, count: Int) {
    inSlabs(.multiply, rows: count, columns: 1, passes: 2) { first, count in
      for place in first..<first + count { x[place] *= factor }
    }
  }

  /// `x = cap * tanh(x / cap)`, `count` elements.
  package func softCap(_ x: UnsafeMutablePointer<Float>, at cap: Float, count: Int) {
    inSlabs(.softCap, rows: count, columns: 1, passes: 2) { first, count in
      for place in first..<first + count { x[place] = cap * tanh(x[place] / cap) }
    }
  }
}
