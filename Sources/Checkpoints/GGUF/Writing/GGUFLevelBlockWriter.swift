import Tensors

/// Float32 numbers as ggml's IQ4 blocks: codes that choose one of 16 uneven levels, under a scale that is searched.
///
/// Scales are tried around the one that puts the largest number on the outermost level; the one kept leaves the least
/// squared error, weighted by the squares of the numbers. IQ4_NL: blocks of 32. IQ4_XS: 8 of them under 6-bit scales.
enum GGUFLevelBlockWriter {
  private static let levels: [Float] = [
    -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113,
  ]
  /// Steps to each side of the first scale.
  private static let tries = 7
  /// Below this a block is all zeros.
  private static let least: Float = 1e-15

  static func nonlinear(_ source: UnsafeBufferPointer<Float>, _ target: UnsafeMutableRawPointer) {
    let scale = searched(source, tries: -1)
    GGUFBlockWriter.store(scale.value, target, 0)
    // Codes go with the first scale, as in ggml's reference.
    GGUFBlockWriter.halves(target + 2) { nearest(source[$0] * scale.codes) }
  }

  static func superblock(_ source: UnsafeBufferPointer<Float>, _ target: UnsafeMutableRawPointer) {
    target.initializeMemory(as: UInt8.self, repeating: 0, count: 136)
    let parts = (0..<8).map { UnsafeBufferPointer(rebasing: source[$0 * 32..<$0 * 32 + 32]) }
    let scales = parts.map { searched($0, tries: tries).value }
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

  /// The best scale, and what numbers are multiplied with for the first codes.
  private static func searched(
    _ source: UnsafeBufferPointer<Float>, tries: Int
  ) -> (value: Float, codes: Float) {
    let largest = GGUFBlockWriter.signedLargest(source)
    guard largest.magnitude >= least else { return (0, 0) }
    let first = tries > 0 ? -largest / levels[0] : largest / levels[0]
    let codes = 1 / first
    func sums(_ inverse: Float) -> (product: Float, square: Float) {
      var (product, square): (Float, Float) = (0, 0)
      for value in source {
        let level = levels[Int(nearest(inverse * value))]
        let weight = value * value
        product += weight * level * value
        square += weight * level * level
      }
      return (product, square)
    }
    let start = sums(codes)
    var scale = start.product / start.square
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
