/// The searches for scales of ggml's blocks: each yields the scale that leaves the least weighted error, and the codes it was
/// found with.
///
/// Written after the reference `ggml-quants.c`, the order of the operations kept, so that bytes agree with it.
enum GGUFScaleSearch {
  /// Where codes go, one for each number.
  typealias Codes = UnsafeMutablePointer<UInt8>

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

  /// How they are tried where an importance matrix says what counts.
  static let weightedPlan = Plan(from: -0.9, by: 0.05, tries: 36)

  /// A scale and a minimum of 0 and more: a number is `scale * code - minimum`, codes `0...top`.
  static func scaleAndMinimum(
    _ source: UnsafeBufferPointer<Float>, _ weights: UnsafePointer<Float>, top: Int, _ plan: Plan,
    _ codes: Codes
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
    guard high != low else {
      codes.update(repeating: 0, count: source.count)
      return (0, -low)
    }
    let first = Float(top) / (high - low)
    var (scale, minimum) = (1 / first, low)
    var best: Float = 0
    for index in source.indices {
      let code = nearest(first * (source[index] - low), 0, top)
      codes[index] = UInt8(code)
      best += error(scale * Float(code) + minimum - source[index], weights[index], plan)
    }
    for step in 0...plan.tries {
      // As in the reference the next try starts from the minimum of the best so far.
      let start = minimum
      let inverse = (plan.from + plan.by * Float(step) + Float(top)) / (high - start)
      var (sums, squares, products): (Float, Float, Float) = (0, 0, 0)
      for index in source.indices {
        let code = Float(nearest(inverse * (source[index] - start), 0, top))
        let weighted = weights[index] * code
        sums += weighted
        squares += weighted * code
        products += weighted * source[index]
      }
      let determinant = weight * squares - sums * sums
      guard determinant > 0 else { continue }
      var own = (weight * products - sum * sums) / determinant
      var least = (squares * sum - sums * products) / determinant
      if least > 0 { (least, own) = (0, products / squares) }
      var found: Float = 0
      for index in source.indices {
        let code = Float(nearest(inverse * (source[index] - start), 0, top))
        found += error(own * code + least - source[index], weights[index], plan)
      }
      guard found < best else { continue }
      for index in source.indices {
        codes[index] = UInt8(nearest(inverse * (source[index] - start), 0, top))
      }
      (best, scale, minimum) = (found, own, least)
    }
    return (scale, -minimum)
  }

  @inline(__always)
  private static func error(_ difference: Float, _ weight: Float, _ plan: Plan) -> Float {
    weight * (plan.byMagnitude ? difference.magnitude : difference * difference)
  }

  /// A scale without a minimum, tried around the one that reaches the largest number: a number is `scale * (code - half)`.
  ///
  /// - Parameter weights: what errors count; nil for the squares of the numbers.
  static func scale(
    _ source: UnsafeBufferPointer<Float>, half: Int, _ weights: UnsafePointer<Float>?,
    _ codes: Codes
  ) -> Float {
    let largest = GGUFBlockWriter.signedLargest(source)
    guard largest.magnitude >= least else {
      codes.update(repeating: 0, count: source.count)
      return 0
    }
    func sums(_ inverse: Float) -> (product: Float, square: Float) {
      var (product, square): (Float, Float) = (0, 0)
      for (index, value) in source.enumerated() {
        let code = Float(nearest(inverse * value, -half, half - 1))
        let weight = weights.map { $0[index] } ?? value * value
        product += weight * value * code
        square += weight * code * code
      }
      return (product, square)
    }
    func take(_ inverse: Float) {
      for (index, value) in source.enumerated() {
        codes[index] = UInt8(nearest(inverse * value, -half, half - 1) + half)
      }
    }
    let first = -Float(half) / largest
    let start = sums(first)
    take(first)
    var scale = start.square == 0 ? 0 : start.product / start.square
    var best = scale * start.product
    for step in -9...9 where step != 0 {
      let inverse = -(Float(half) + 0.1 * Float(step)) / largest
      let (product, square) = sums(inverse)
      if square > 0, product * product > best * square {
        take(inverse)
        scale = product / square
        best = scale * product
      }
    }
    return scale
  }

  /// A scale without a minimum, codes `-half ..< half`, which are moved one by one while that lowers the error.
  static func movedScale(
    _ source: UnsafeBufferPointer<Float>, half: Int, _ chosen: Codes
  ) -> Float {
    let largest = GGUFBlockWriter.signedLargest(source)
    guard largest.magnitude >= least else {
      chosen.update(repeating: 0, count: source.count)
      return 0
    }
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
      for index in source.indices { chosen[index] = UInt8(Int(codes[index]) + half) }
      return square > 0 ? product / square : 0
    }
  }

  /// A scale for numbers of 0 and more, codes `0...top` that are moved one by one while that lowers the weighted error.
  static func positiveScale(
    _ source: [Float], _ weights: [Float], top: Int
  ) -> (scale: Float, codes: [UInt8]) {
    let largest = source.reduce(0, Swift.max)
    guard largest >= least else { return (0, [UInt8](repeating: 0, count: source.count)) }
    func loss(_ inverse: Float) -> Float {
      let scale = 1 / inverse
      var sum: Float = 0
      for (value, weight) in zip(source, weights) {
        let difference = value - scale * Float(nearest(inverse * value, 0, top))
        sum += weight * difference * difference
      }
      return sum
    }
    var inverse = Float(top) / largest
    var best = loss(inverse)
    for step in -4...4 where step != 0 {
      let other = (0.1 * Float(step) + Float(top)) / largest
      let found = loss(other)
      if found < best { (best, inverse) = (found, other) }
    }
    var codes = source.map { nearest(inverse * $0, 0, top) }
    var (product, square): (Float, Float) = (0, 0)
    for (index, value) in source.enumerated() {
      let code = Float(codes[index])
      product += weights[index] * value * code
      square += weights[index] * code * code
    }
    for _ in 0..<5 {
      var moved = false
      for (index, value) in source.enumerated() {
        let weight = weights[index]
        let own = Float(codes[index])
        var other = product - weight * value * own
        var rest = square - weight * own * own
        guard other > 0, rest > 0 else { continue }
        let code = nearest(value * rest / other, 0, top)
        guard code != codes[index] else { continue }
        other += weight * value * Float(code)
        rest += weight * Float(code) * Float(code)
        guard other * other * square > product * product * rest else { continue }
        (codes[index], product, square, moved) = (code, other, rest, true)
      }
      if !moved { break }
    }
    return (square > 0 ? product / square : 0, codes.map { UInt8($0) })
  }
}
