/// The search for a smaller range that costs less than it saves (GPTQ's `mse` option).
extension Grid {
  /// Shrunk ranges are `1 - i / 100` of the full one.
  package static let searchSteps = 100
  /// The search goes on for this share of the steps.
  package static let searchShare = 0.8

  /// The grids for the 80 ranges that are tried, the full one first.
  package func searchCandidates(
    of range: ValueRange, scaleType: ScaleType = .f32
  ) -> [GridParameters] {
    (0..<Int(Self.searchShare * Double(Self.searchSteps))).map { step in
      let factor = Float(1 - Double(step) / Double(Self.searchSteps))
      return parameters(of: range.scaled(by: factor), scaleType: scaleType)
    }
  }

  /// Like `parameters(of:scaleType:)`, with the candidate that has the least error over `count` values; of
  /// equal ones the first.
  package func searchedParameters(
    of values: UnsafePointer<Float>, count: Int, range: ValueRange, scaleType: ScaleType = .f32
  ) -> GridParameters {
    var best = parameters(of: range, scaleType: scaleType)
    var least = Double.infinity
    var previous: GridParameters?
    for candidate in searchCandidates(of: range, scaleType: scaleType) where candidate != previous {
      previous = candidate
      let error = searchError(
        of: values, count: count, candidate, unit: range.largestMagnitude, limit: least)
      if error < least {
        least = error
        best = candidate
      }
    }
    return best
  }

  /// The sum of `(|rounded - value| / unit)^2.4`; a sum that has passed `limit` may be left unfinished.
  ///
  /// Errors are compared only, so they are taken in units of the largest value, where no power underflows.
  package func searchError(
    of values: UnsafePointer<Float>, count: Int, _ parameters: GridParameters, unit: Float = 1,
    limit: Double = .infinity
  ) -> Double {
    let rounding = Rounding(self, parameters)
    let inverse = Vector(repeating: 1 / max(unit, .leastNormalMagnitude))
    var total = 0.0
    var index = 0
    while index + Self.width <= count, total < limit {
      // Runs of 64 values are summed in float32, the runs in float64.
      var sum = Vector.zero
      let end = min(count - Self.width, index + 64 - Self.width)
      while index <= end {
        let value = Self.load(values + index)
        sum += Self.powered((rounding.round(value) - value) * inverse)
        index += Self.width
      }
      total += Double(sum.sum())
    }
    while index < count, total < limit {
      let value = Vector(repeating: values[index])
      total += Double(Self.powered((rounding.round(value) - value) * inverse)[0])
      index += 1
    }
    return total
  }

  /// `|x|^2.4` for `|x|` up to some thousands, to about 1e-6 of it.
  ///
  /// With `y = x^2` it is `y^2 * r^4` where `r = y^(-1/5)`, found by Newton's steps
  /// `r (6 - y r^5) / 5` from a guess that divides the exponent by -5 in the bits of the number.
  @inline(__always)
  static func powered(_ x: Vector) -> Vector {
    // The addend keeps r^5 finite; its own power is nothing.
    let y = x * x + 1e-30
    // A fifth of the bits in 16.16 fixed point is off by at most a unit of the last place but eleven.
    let bits = unsafeBitCast(y, to: SIMD8<UInt32>.self)
    let fifth = (bits &>> 16) &* 13107
    var r = unsafeBitCast(SIMD8<UInt32>(repeating: guess) &- fifth, to: Vector.self)
    for _ in 0..<3 {
      let square = r * r
      let fourth = square * square
      r *= 1.2 - 0.2 * y * (fourth * r)
    }
    let square = r * r
    return (y * y) * (square * square)
  }

  /// 6/5 of the bits of 1.0, less what makes the guess fair over a factor of 2.
  private static let guess: UInt32 = 0x4c2b_8000
}
