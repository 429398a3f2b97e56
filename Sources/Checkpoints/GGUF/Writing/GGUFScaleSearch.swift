/// The searches for scales of ggml's blocks of 256 ("K quants"): each yields the scale that leaves the least weighted error.
///
/// Written after the reference `ggml-quants.c`, the order of the operations kept, so that bytes agree with it.
enum GGUFScaleSearch {
  /// Below this a block is all zeros.
  static let least: Float = 1e-15

  /// The nearest integer, halves to even, of a magnitude below 2^22.
  @inline(__always)
  static func nearest(_ value: Float) -> Int {
    Int((value + 12_582_912).bitPattern & 0x7f_ffff) - 0x40_0000
  }

  @inline(__always)
  static func nearest(_ value: Float, _ lower: Int, _ upper: Int) -> Int {
    Swift.max(lower, Swift.min(upper, nearest(value)))
  }

  /// How scales with minima are tried: `from`, `from + by` and on, added to the number of steps.
  struct Plan {
    var from: Float
    var by: Float
    var tries: Int
    /// Whether errors count by their magnitude, not squared.
    var byMagnitude = false
  }

  /// A scale and a minimum of 0 and more: a number is `scale * code - minimum`, codes `0...top`.
  static func scaleAndMinimum(
    _ source: UnsafeBufferPointer<Float>, _ weights: UnsafePointer<Float>, top: Int, _ plan: Plan
  ) -> (scale: Float, minimum: Float) {
    var (low, high) = (source[0], source[0])
    var (weight, sum) = (weights[0], weights[0] * source[0])
    for index in 1..<source.count {
      low = Swift.min(low, source[index])
      high = Swift.max(high, source[index])
      weight += weights[index]
      sum += weights[index] * source[index]
    }
    low = Swift.min(low, 0)
    guard high != low else { return (0, -low) }
    let first = Float(top) / (high - low)
    var (scale, minimum) = (1 / first, low)
    var best: Float = 0
    for index in source.indices {
      let code = Float(nearest(first * (source[index] - low), 0, top))
      best += error(scale * code + minimum - source[index], weights[index], plan)
    }
    for step in 0...plan.tries {
      // As in the reference the next try starts from the minimum of the best so far.
      let start = minimum
      let inverse = (plan.from + plan.by * Float(step) + Float(top)) / (high - start)
      var (codes, squares, products): (Float, Float, Float) = (0, 0, 0)
      for index in source.indices {
        let code = Float(nearest(inverse * (source[index] - start), 0, top))
        let weighted = weights[index] * code
        codes += weighted
        squares += weighted * code
        products += weighted * source[index]
      }
      let determinant = weight * squares - codes * codes
      guard determinant > 0 else { continue }
      var own = (weight * products - sum * codes) / determinant
      var least = (squares * sum - codes * products) / determinant
      if least > 0 { (least, own) = (0, products / squares) }
      var found: Float = 0
      for index in source.indices {
        let code = Float(nearest(inverse * (source[index] - start), 0, top))
        found += error(own * code + least - source[index], weights[index], plan)
      }
      if found < best { (best, scale, minimum) = (found, own, least) }
    }
    return (scale, -minimum)
  }

  @inline(__always)
  private static func error(_ difference: Float, _ weight: Float, _ plan: Plan) -> Float {
    weight * (plan.byMagnitude ? difference.magnitude : difference * difference)
  }

  /// A scale without a minimum, codes `-half ..< half`, tried around the one that reaches the largest number.
  static func scale(_ source: UnsafeBufferPointer<Float>, half: Int) -> Float {
    let largest = GGUFBlockWriter.signedLargest(source)
    guard largest.magnitude >= least else { return 0 }
    func sums(_ inverse: Float) -> (product: Float, square: Float) {
      var (product, square): (Float, Float) = (0, 0)
      for value in source {
        let code = Float(nearest(inverse * value, -half, half - 1))
        let weight = value * value
        product += weight * value * code
        square += weight * code * code
      }
      return (product, square)
    }
    let start = sums(-Float(half) / largest)
    var scale = start.square == 0 ? 0 : start.product / start.square
    var best = scale * start.product
    for step in -9...9 where step != 0 {
      let (product, square) = sums(-(Float(half) + 0.1 * Float(step)) / largest)
      if square > 0, product * product > best * square {
        scale = product / square
        best = scale * product
      }
    }
    return scale
  }

  /// A scale without a minimum, codes `-half ..< half`, which are moved one by one while that lowers the error.
  static func movedScale(_ source: UnsafeBufferPointer<Float>, half: Int) -> Float {
    let largest = GGUFBlockWriter.signedLargest(source)
    guard largest.magnitude >= least else { return 0 }
    let inverse = -Float(half) / largest
    return withUnsafeTemporaryAllocation(of: Float.self, capacity: source.count) { codes in
      var (product, square): (Float, Float) = (0, 0)
      for (index, value) in source.enumerated() {
        let code = Float(nearest(inverse * value, -half, half - 1))
        codes.initializeElement(at: index, to: code)
        let weight = value * value
        product += weight * value * code
        square += weight * code * code
      }
      for _ in 0..<5 {
        var moved = false
        for (index, value) in source.enumerated() {
          let weight = value * value
          var other = product - weight * value * codes[index]
          guard other > 0 else { continue }
          var rest = square - weight * codes[index] * codes[index]
          let code = Float(nearest(value * rest / other, -half, half - 1))
          guard code != codes[index] else { continue }
          other += weight * value * code
          rest += weight * code * code
          guard rest > 0, other * other * square > product * product * rest else { continue }
          (codes[index], product, square, moved) = (code, other, rest, true)
        }
        if !moved { break }
      }
      return square > 0 ? product / square : 0
    }
  }
}
