internal import CKernels
internal import Glibc
internal import Platform

/// What one position says about a model against its baseline, from logits over the same vocabulary.
package struct PositionDivergence: Sendable {
  /// KL of the baseline's next-token distribution to the other's, in nats; tokens with a baseline
  /// log-probability of -16 or less are skipped, as in llama.cpp.
  package var kl: Double
  /// `-log p(target)` under the baseline and the other.
  package var baselineNLL: Double
  package var otherNLL: Double
  /// Whether both hold the same token most likely.
  package var sameTop: Bool
  /// Whether the most likely token is the target.
  package var baselineRight: Bool
  package var otherRight: Bool

  package init(
    kl: Double, baselineNLL: Double, otherNLL: Double, sameTop: Bool, baselineRight: Bool,
    otherRight: Bool
  ) {
    self.kl = kl
    self.baselineNLL = baselineNLL
    self.otherNLL = otherNLL
    self.sameTop = sameTop
    self.baselineRight = baselineRight
    self.otherRight = otherRight
  }
}

/// Sums that compare two vectors.
package struct ErrorSums: Hashable, Sendable, Codable {
  /// Sum of `(a - b)^2`.
  package var squaredError: Double
  /// Sum of `a^2`.
  package var squaredReference: Double
  /// Sum of `a b`.
  package var dot: Double
  /// Sum of `b^2`.
  package var squaredOther: Double { squaredError - squaredReference + 2 * dot }

  package init(squaredError: Double = 0, squaredReference: Double = 0, dot: Double = 0) {
    self.squaredError = squaredError
    self.squaredReference = squaredReference
    self.dot = dot
  }

  /// Adds the sums of further elements.
  package mutating func add(_ other: ErrorSums) {
    squaredError += other.squaredError
    squaredReference += other.squaredReference
    dot += other.dot
  }

  /// `|a - b|^2 / |a|^2`, 0 when both are.
  package var relativeError: Double {
    squaredReference > 0 ? squaredError / squaredReference : squaredError > 0 ? .infinity : 0
  }

  /// `10 log10(|a|^2 / |a - b|^2)` in dB, at most 200.
  package var sqnr: Double {
    guard squaredError > 0, squaredReference > 0 else { return squaredError > 0 ? -200 : 200 }
    return min(200, max(-200, 10 * log10(squaredReference / squaredError)))
  }

  /// Cosine of the angle between the two, 1 when both are 0.
  package var cosine: Double {
    let lengths = (squaredReference * max(0, squaredOther)).squareRoot()
    return lengths > 0 ? max(-1, min(1, dot / lengths)) : squaredError > 0 ? 0 : 1
  }
}

extension ExecutionContext {
  /// `out = x / rms(x) * weight` row by row, `[rows, columns]`.
  package func rmsNorm(
    _ x: UnsafePointer<Float>, weight: UnsafePointer<Float>, epsilon: Float,
    into out: UnsafeMutablePointer<Float>, rows: Int, columns: Int
  ) {
    inSlabs(.rmsNorm, rows: rows, columns: columns, passes: 2) { [elementwise] first, count in
      elementwise.norm(
        x + first * columns, columns, weight, epsilon, out + first * columns, columns, count,
        columns)
    }
  }

  /// `residual += delta; out = rmsNorm(residual)`, `[rows, columns]`.
  package func addRMSNorm(
    residual: UnsafeMutablePointer<Float>, delta: UnsafePointer<Float>,
    weight: UnsafePointer<Float>, epsilon: Float, into out: UnsafeMutablePointer<Float>, rows: Int,
    columns: Int
  ) {
    inSlabs(.addRMSNorm, rows: rows, columns: columns, passes: 4) { [elementwise] first, count in
      let offset = first * columns
      elementwise.addNorm(
        residual + offset, columns, delta + offset, columns, weight, epsilon, out + offset, columns,
        count, columns)
    }
  }

  /// RMSNorm of each head in place, `[tokens, heads, headDimension]`.
  package func headRMSNorm(
    _ x: UnsafeMutablePointer<Float>, weight: UnsafePointer<Float>, epsilon: Float, tokens: Int,
    heads: Int, headDimension: Int
  ) {
    let columns = heads * headDimension
    inSlabs(.headRMSNorm, rows: tokens, columns: columns, passes: 2) {
      [elementwise] first, count in
      elementwise.headNorm(
        x + first * columns, columns, headDimension, count, heads, headDimension, weight, epsilon)
    }
  }

  /// Rotary embedding in place (rotate-half), token `i` at `position + i`; `cosine`, `sine`:
  /// `[positions, channels / 2]`.
  ///
  /// - Parameter channels: how many channels of each head turn, from the first on; all when not given.
  package func rope(
    _ x: UnsafeMutablePointer<Float>, cosine: UnsafePointer<Float>, sine: UnsafePointer<Float>,
    position: Int, tokens: Int, heads: Int, headDimension: Int, channels: Int? = nil
  ) {
    let columns = heads * headDimension
    let channels = channels ?? headDimension
    inSlabs(.rope, rows: tokens, columns: columns, passes: 2) { [elementwise] first, count in
      elementwise.rope(
        x + first * columns, columns, headDimension, count, heads, channels, cosine, sine,
        position + first)
    }
  }

  /// `out = silu(gate) * up`, `[rows, columns]`.
  package func swiglu(
    gate: UnsafePointer<Float>, up: UnsafePointer<Float>, into out: UnsafeMutablePointer<Float>,
    rows: Int, columns: Int
  ) {
    inSlabs(.swiglu, rows: rows, columns: columns, passes: 3) { [elementwise] first, count in
      let offset = first * columns
      elementwise.swiglu(
        gate + offset, columns, up + offset, columns, out + offset, columns, count, columns)
    }
  }

  /// `x += y`, `count` elements.
  package func add(
    _ x: UnsafeMutablePointer<Float>, _ y: UnsafePointer<Float>, rows: Int, columns: Int
  ) {
    inSlabs(.add, rows: rows, columns: columns, passes: 3) { [elementwise] first, count in
      let offset = first * columns
      elementwise.add(x + offset, y + offset, x + offset, count * columns)
    }
  }

  /// `log(sum(exp(x)))`.
  package func logSumExp(_ x: UnsafePointer<Float>, count: Int) -> Double {
    elementwise.logSumExp(x, count)
  }

  /// Compares two vectors.
  package func compare(
    _ reference: UnsafePointer<Float>, _ other: UnsafePointer<Float>, count: Int
  ) -> ErrorSums {
    let sums = elementwise.compare(reference, other, count)
    return ErrorSums(
      squaredError: sums.squared_error, squaredReference: sums.squared_reference, dot: sums.dot)
  }

  /// Compares the logits of two models at one position; `target` is the token that follows.
  package func divergence(
    baseline: UnsafePointer<Float>, other: UnsafePointer<Float>, vocabulary: Int, target: Int
  ) -> PositionDivergence {
    let row = elementwise.divergence(baseline, other, vocabulary, target)
    return PositionDivergence(
      kl: row.kl, baselineNLL: row.base_nll, otherNLL: row.other_nll, sameTop: row.same_top != 0,
      baselineRight: Int(row.base_top) == target, otherRight: Int(row.other_top) == target)
  }

  /// Shares rows among the workers when there are enough of them to pay for it.
  func inSlabs(
    _ part: TracePart, rows: Int, columns: Int, passes: Int,
    _ body: (_ first: Int, _ count: Int) -> Void
  ) {
    guard rows > 0 else { return }
    traced(
      part, bytes: Double(passes * rows * columns * 4),
      name: {
        KernelTrace.Name(operator: part.words, kernel: "\(part.words)_\(provider.rawValue)")
      }
    ) {
      let slab = max(1, 32768 / max(1, columns))
      if rows <= slab {
        body(0, rows)
      } else {
        pool.run(chunks: (rows + slab - 1) / slab) { chunk, _ in
          let first = chunk * slab
          body(first, min(slab, rows - first))
        }
      }
    }
  }
}
