import Tensors

/// Float32 numbers as ggml's IQ4 blocks: codes that choose one of 16 uneven levels, under a scale that is searched.
///
/// Scales are tried around the one that puts the largest number on the outermost level; the one kept leaves the least
/// squared error, weighted by the squares of the numbers or by an importance matrix. IQ4_NL: blocks of 32. IQ4_XS: 8 of
/// them under 6-bit scales.
enum GGUFLevelBlockWriter {
  private static let levels: [Float] = [
    -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113,
  ]
  /// Steps to each side of the first scale.
  private static let tries = 7
  /// Below this a block is all zeros.
  private static let least: Float = 1e-15

  /// - Parameter importance: what the error of each number counts, besides its size; nil for the size alone.
  static func nonlinear(
    _ source: UnsafeBufferPointer<Float>, importance: UnsafePointer<Float>?,
    _ target: UnsafeMutableRawPointer
  ) {
    let weights = weighed(source, importance)
    // Codes go with the first scale, as in ggml's reference; with an importance matrix others are tried.
    let scale = searched(source, weights[...], tries: importance == nil ? -1 : tries)
    GGUFBlockWriter.store(scale.value, target, 0)
    GGUFBlockWriter.halves(target + 2) { nearest(source[$0] * scale.codes) }
  }

  static func superblock(
    _ source: UnsafeBufferPointer<Float>, importance: UnsafePointer<Float>?,
    _ target: UnsafeMutableRawPointer
  ) {
    target.initializeMemory(as: UInt8.self, repeating: 0, count: 136)
    let parts = (0..<8).map { UnsafeBufferPointer(rebasing: source[$0 * 32..<$0 * 32 + 32]) }
    let weights = weighed(source, importance)
    let scales = parts.indices.map {
      searched(parts[$0], weights[$0 * 32..<$0 * 32 + 32], tries: tries).value
    }
    var largest: Float = 0
    for scale in scales where scale.magnitude > largest.magnitude { largest = scale }
    let whole = largest / -32
    let inverse = whole == 0 ? 0 : 1 / whole
    GGUFBlockWriter.store(whole, target, 0)
    var highs: UInt16 = 0
    for (part, scale) in scales.enumerated() {
      let step = max(-32, min(31, GGUFScaleSearch.nearest(inverse * scale)))
      let own = whole * Float(step)
      let turned = own == 0 ? 0 : 1 / own
      let code = UInt16(step + 32)
      highs |= (code >> 4) << UInt16(2 * part)
      let low = (target + 4 + part / 2).load(as: UInt8.self)
      target.storeBytes(
        of: low | UInt8(code & 15) << UInt8(part % 2 * 4), toByteOffset: 4 + part / 2,
        as: UInt8.self)
      GGUFBlockWriter.halves(target + 8 + part * 16) { nearest(parts[part][$0] * turned) }
    }
    target.storeBytes(of: highs.littleEndian, toByteOffset: 2, as: UInt16.self)
  }

  /// Squares of the numbers; with an importance matrix that, times the root of a number's square and twice the mean
  /// square of all.
  private static func weighed(
    _ source: UnsafeBufferPointer<Float>, _ importance: UnsafePointer<Float>?
  ) -> [Float] {
    guard let importance else { return source.map { $0 * $0 } }
    let mean = source.reduce(0) { $0 + $1 * $1 } * (2 / Float(source.count))
    return source.indices.map { importance[$0] * (mean + source[$0] * source[$0]).squareRoot() }
  }

  /// The best scale, and what numbers are multiplied with for the first codes.
  private static func searched(
    _ source: UnsafeBufferPointer<Float>, _ weights: ArraySlice<Float>, tries: Int
  ) -> (value: Float, codes: Float) {
    let largest = GGUFBlockWriter.signedLargest(source)
    guard largest.magnitude >= least else { return (0, 0) }
    let first = tries > 0 ? -largest / levels[0] : largest / levels[0]
    let codes = 1 / first
    func sums(_ inverse: Float) -> (product: Float, square: Float) {
      var (product, square): (Float, Float) = (0, 0)
      for (value, weight) in zip(source, weights) {
        let level = levels[Int(nearest(inverse * value))]
        product += weight * level * value
        square += weight * level * level
      }
      return (product, square)
    }
    let start = sums(codes)
    var scale = start.square > 0 ? start.product / start.square : 0
    var best = scale * start.product
    guard tries > 0 else { return (scale, codes) }
    for step in -tries...tries {
      let (product, square) = sums((Float(step) + levels[0]) / largest)
      if square > 0, product * product > best * square {
        scale = product / square
        best = scale * product
      }
    }
    return (scale, scale == 0 ? 0 : 1 / scale)
  }

  /// The place of the nearest level.
  private static func nearest(_ value: Float) -> UInt8 {
    levels.withUnsafeBufferPointer { levels in
      if value <= levels[0] { return 0 }
      if value >= levels[15] { return 15 }
      var (low, high) = (0, 15)
      while high - low > 1 {
        let middle = (low + high) / 2
        if value < levels[middle] { high = middle } else { low = middle }
      }
      return UInt8(value - levels[low] < levels[high] - value ? low : high)
    }
  }
}
