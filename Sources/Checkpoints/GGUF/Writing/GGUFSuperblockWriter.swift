import Tensors

/// Float32 numbers as ggml's blocks of 256 ("K quants"): sub-blocks with searched scales, which are then coded themselves.
///
/// Layouts as in `GGUFSuperblocks`, which reads them. After the scales are coded each number takes the nearest code.
enum GGUFSuperblockWriter {
  /// Writes the block of 256 numbers.
  static func encode(
    _ source: UnsafeBufferPointer<Float>, as type: GGUFTensorType, _ target: UnsafeMutableRawPointer
  ) {
    target.initializeMemory(as: UInt8.self, repeating: 0, count: type.blockBytes)
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 256) { codes in
      codes.initialize(repeating: 0)
      switch type {
      case .q2K: q2(source, target, codes)
      case .q3K: q3(source, target, codes)
      case .q4K: q45(source, target, codes, isFive: false)
      case .q5K: q45(source, target, codes, isFive: true)
      case .q6K: q6(source, target, codes)
      default: preconditionFailure("\(type) is not written from float32")
      }
    }
  }

  private typealias Codes = UnsafeMutableBufferPointer<UInt8>

  private static func part(
    _ source: UnsafeBufferPointer<Float>, _ index: Int, of size: Int
  ) -> UnsafeBufferPointer<Float> {
    UnsafeBufferPointer(rebasing: source[index * size..<(index + 1) * size])
  }

  /// Scales and minima of sub-blocks of `size`; weights are the magnitudes, with `adds` their mean square's root more.
  private static func pairs(
    _ source: UnsafeBufferPointer<Float>, size: Int, top: Int, adds: Bool,
    _ plan: GGUFScaleSearch.Plan
  ) -> (scales: [Float], minima: [Float]) {
    var (scales, minima): ([Float], [Float]) = ([], [])
    withUnsafeTemporaryAllocation(of: Float.self, capacity: size) { weights in
      for index in 0..<256 / size {
        let numbers = part(source, index, of: size)
        let square = adds ? numbers.reduce(0) { $0 + $1 * $1 } : 0
        let mean = adds ? (square / Float(size)).squareRoot() : 0
        for (place, value) in numbers.enumerated() {
          weights.initializeElement(at: place, to: mean + value.magnitude)
        }
        guard let base = weights.baseAddress else { continue }
        let found = GGUFScaleSearch.scaleAndMinimum(numbers, base, top: top, plan)
        scales.append(found.scale)
        minima.append(found.minimum)
      }
    }
    return (scales, minima)
  }

  private static func half(_ target: UnsafeMutableRawPointer, _ offset: Int) -> Float {
    FloatFormats.float(f16: (target + offset).load(as: UInt16.self))
  }

  private static func add(_ bits: UInt8, _ target: UnsafeMutableRawPointer, _ offset: Int) {
    let byte = (target + offset).load(as: UInt8.self)
    target.storeBytes(of: byte | bits, toByteOffset: offset, as: UInt8.self)
  }

  // MARK: With minima

  private static func q2(
    _ source: UnsafeBufferPointer<Float>, _ target: UnsafeMutableRawPointer, _ codes: Codes
  ) {
    let plan = GGUFScaleSearch.Plan(from: -0.5, by: 0.1, tries: 15, byMagnitude: true)
    let (scales, minima) = pairs(source, size: 16, top: 3, adds: false, plan)
    for (values, shift, offset) in [(scales, 0, 80), (minima, 4, 82)] {
      let largest = values.reduce(0) { Swift.max($0, $1) }
      guard largest > 0 else { continue }
      let inverse = 15 / largest
      for (index, value) in values.enumerated() {
        let code = GGUFScaleSearch.nearest(inverse * value, 0, 15)
        add(UInt8(code) << UInt8(shift), target, index)
      }
      GGUFBlockWriter.store(largest / 15, target, offset)
    }
    for index in 0..<16 {
      let packed = (target + index).load(as: UInt8.self)
      take(
        part(source, index, of: 16), codes, index * 16,
        scale: half(target, 80) * Float(packed & 15),
        minimum: half(target, 82) * Float(packed >> 4), top: 3)
    }
    twos(codes, target + 16)
  }

  private static func q45(
    _ source: UnsafeBufferPointer<Float>, _ target: UnsafeMutableRawPointer, _ codes: Codes,
    isFive: Bool
  ) {
    let plan =
      isFive
      ? GGUFScaleSearch.Plan(from: -0.5, by: 0.1, tries: 15)
      : GGUFScaleSearch.Plan(from: -1, by: 0.1, tries: 20)
    let top = isFive ? 31 : 15
    let (scales, minima) = pairs(source, size: 32, top: top, adds: true, plan)
    let (scale, minimum) = (scales.reduce(0, Swift.max), minima.reduce(0, Swift.max))
    let inverse = (scale > 0 ? 63 / scale : 0, minimum > 0 ? 63 / minimum : 0)
    GGUFBlockWriter.store(scale / 63, target, 0)
    GGUFBlockWriter.store(minimum / 63, target, 2)
    for index in 0..<8 {
      let first = UInt8(GGUFScaleSearch.nearest(inverse.0 * scales[index], 0, 63))
      let second = UInt8(GGUFScaleSearch.nearest(inverse.1 * minima[index], 0, 63))
      if index < 4 {
        add(first, target, 4 + index)
        add(second, target, 8 + index)
      } else {
        add(first & 15 | second << 4, target, 8 + index)
        add((first >> 4) << 6, target, index)
        add((second >> 4) << 6, target, 4 + index)
      }
      take(
        part(source, index, of: 32), codes, index * 32, scale: half(target, 0) * Float(first),
        minimum: half(target, 2) * Float(second), top: top)
    }
    let place = isFive ? 48 : 16
    for index in 0..<8 {
      for column in 0..<32 {
        let code = codes[index * 32 + column]
        add(code & 15, into: target, place + index / 2 * 32 + column, high: index % 2 == 1)
        if isFive { add((code >> 4) << UInt8(index), target, 16 + column) }
      }
    }
  }

  private static func add(
    _ bits: UInt8, into target: UnsafeMutableRawPointer, _ offset: Int, high: Bool
  ) {
    add(high ? bits << 4 : bits, target, offset)
  }

  /// The nearest codes of `scale * code - minimum`; those of a scale of 0 stay.
  private static func take(
    _ source: UnsafeBufferPointer<Float>, _ codes: Codes, _ start: Int, scale: Float,
    minimum: Float, top: Int
  ) {
    guard scale != 0 else { return }
    for (index, value) in source.enumerated() {
      codes[start + index] = UInt8(GGUFScaleSearch.nearest((value + minimum) / scale, 0, top))
    }
  }

  /// Two bits a code: 128 numbers share 32 bytes, of which each quarter takes two bits.
  private static func twos(_ codes: Codes, _ target: UnsafeMutableRawPointer) {
    for index in 0..<256 {
      add(codes[index] << UInt8(index % 128 / 32 * 2), target, index / 128 * 32 + index % 32)
    }
  }

  // MARK: Without minima

  private static func q3(
    _ source: UnsafeBufferPointer<Float>, _ target: UnsafeMutableRawPointer, _ codes: Codes
  ) {
    let scales = (0..<16).map {
      GGUFScaleSearch.movedScale(part(source, $0, of: 16), half: 4)
    }
    var largest: Float = 0
    for scale in scales where scale.magnitude > largest.magnitude { largest = scale }
    let inverse = largest == 0 ? 0 : -32 / largest
    if largest != 0 { GGUFBlockWriter.store(1 / inverse, target, 108) }
    for index in 0..<16 {
      var own: Float = 0
      if largest != 0 {
        let step = GGUFScaleSearch.nearest(inverse * scales[index], -32, 31)
        let code = UInt8(step + 32)
        add(code & 15, into: target, 96 + index % 8, high: index >= 8)
        add((code >> 4) << UInt8(index / 4 * 2), target, 104 + index % 4)
        own = half(target, 108) * Float(step)
      }
      center(part(source, index, of: 16), codes, index * 16, scale: own, half: 4)
    }
    for index in 0..<256 where codes[index] > 3 {
      add(1 << UInt8(index / 32), target, index % 32)
      codes[index] -= 4
    }
    twos(codes, target + 32)
  }

  private static func q6(
    _ source: UnsafeBufferPointer<Float>, _ target: UnsafeMutableRawPointer, _ codes: Codes
  ) {
    let scales = (0..<16).map { GGUFScaleSearch.scale(part(source, $0, of: 16), half: 32) }
    var largest: Float = 0
    for scale in scales where scale.magnitude > largest.magnitude { largest = scale }
    guard largest.magnitude >= GGUFScaleSearch.least else { return }
    let inverse = -128 / largest
    GGUFBlockWriter.store(1 / inverse, target, 208)
    for index in 0..<16 {
      let step = Swift.min(127, GGUFScaleSearch.nearest(inverse * scales[index]))
      target.storeBytes(of: Int8(clamping: step), toByteOffset: 192 + index, as: Int8.self)
      center(
        part(source, index, of: 16), codes, index * 16, scale: half(target, 208) * Float(step),
        half: 32)
    }
    for index in 0..<256 {
      let (quarter, column) = (index % 128 / 32, index % 32)
      let low = index / 128 * 64 + quarter % 2 * 32 + column
      add(codes[index] & 15, into: target, low, high: quarter >= 2)
      add(
        (codes[index] >> 4) << UInt8(quarter * 2), target, 128 + index / 128 * 32 + column)
    }
  }

  /// The nearest codes of `scale * (code - half)`; where the scale is 0 codes stay 0.
  private static func center(
    _ source: UnsafeBufferPointer<Float>, _ codes: Codes, _ start: Int, scale: Float, half: Int
  ) {
    guard scale != 0 else { return }
    for (index, value) in source.enumerated() {
      codes[start + index] = UInt8(
        GGUFScaleSearch.nearest(value / scale, -half, half - 1) + half)
    }
  }
}
