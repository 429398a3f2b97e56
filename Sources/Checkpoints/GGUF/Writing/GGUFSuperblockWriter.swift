import Tensors

/// Float32 numbers as ggml's blocks of 256 ("K quants"): sub-blocks with searched scales, which are then coded themselves.
///
/// Layouts as in `GGUFSuperblocks`, which reads them. After the scales are coded each number takes the nearest code; those of
/// a sub-block whose scale became 0 stay as they were found.
enum GGUFSuperblockWriter {
  /// Writes the block of 256 numbers.
  ///
  /// - Parameter importance: what the error of each number counts, besides its size; nil for the size alone.
  static func encode(
    _ source: UnsafeBufferPointer<Float>, as type: GGUFTensorType,
    importance: UnsafePointer<Float>?, _ target: UnsafeMutableRawPointer
  ) {
    target.initializeMemory(as: UInt8.self, repeating: 0, count: type.blockBytes)
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 256) { codes in
      codes.initialize(repeating: 0)
      switch type {
      case .q2K: q2(source, importance, target, codes)
      case .q3K: q3(source, importance, target, codes)
      case .q4K: q45(source, importance, target, codes, isFive: false)
      case .q5K: q45(source, importance, target, codes, isFive: true)
      case .q6K: q6(source, importance, target, codes)
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

  // MARK: What errors count

  /// Importance times the root of a number's square and `times` the mean square of all.
  private static func weighed(
    _ source: UnsafeBufferPointer<Float>, _ importance: UnsafePointer<Float>, times: Float
  ) -> [Float] {
    let square = source.reduce(0) { $0 + $1 * $1 }
    let mean = times * square / 256
    return source.indices.map { importance[$0] * (mean + source[$0] * source[$0]).squareRoot() }
  }

  /// Magnitudes, with `adds` the root of the mean square of their sub-block of `size` more.
  private static func magnitudes(
    _ source: UnsafeBufferPointer<Float>, size: Int, adds: Bool
  ) -> [Float] {
    guard adds else { return source.map(\.magnitude) }
    return (0..<256 / size).flatMap { index in
      let numbers = part(source, index, of: size)
      let mean = (numbers.reduce(0) { $0 + $1 * $1 } / Float(size)).squareRoot()
      return numbers.map { mean + $0.magnitude }
    }
  }

  /// The weights of each sub-block of `size`, summed.
  private static func summed(_ weights: [Float], size: Int) -> [Float] {
    stride(from: 0, to: weights.count, by: size).map { start in
      weights[start..<start + size].reduce(0, +)
    }
  }

  /// Scales and minima of sub-blocks of `size`.
  private static func pairs(
    _ source: UnsafeBufferPointer<Float>, size: Int, top: Int, _ weights: [Float],
    _ plan: GGUFScaleSearch.Plan, _ codes: Codes
  ) -> (scales: [Float], minima: [Float]) {
    var (scales, minima): ([Float], [Float]) = ([], [])
    weights.withUnsafeBufferPointer { weights in
      guard let base = weights.baseAddress, let target = codes.baseAddress else { return }
      for index in 0..<256 / size {
        let found = GGUFScaleSearch.scaleAndMinimum(
          part(source, index, of: size), base + index * size, top: top, plan,
          target + index * size)
        scales.append(found.scale)
        minima.append(found.minimum)
      }
    }
    return (scales, minima)
  }

  /// Scales, or minima, as codes of one step.
  ///
  /// - Parameter sums: what the error of each counts; nil where the largest decides.
  private static func coded(
    _ values: [Float], _ sums: [Float]?, top: Int
  ) -> (step: Float, codes: [UInt8]) {
    if let sums {
      let found = GGUFScaleSearch.positiveScale(values, sums, top: top)
      return (found.scale, found.codes)
    }
    let largest = values.reduce(0) { Swift.max($0, $1) }
    guard largest > 0 else { return (0, [UInt8](repeating: 0, count: values.count)) }
    let inverse = Float(top) / largest
    return (
      largest / Float(top), values.map { UInt8(GGUFScaleSearch.nearest(inverse * $0, 0, top)) }
    )
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
    _ source: UnsafeBufferPointer<Float>, _ importance: UnsafePointer<Float>?,
    _ target: UnsafeMutableRawPointer, _ codes: Codes
  ) {
    let weights =
      importance.map { weighed(source, $0, times: 1) }
      ?? magnitudes(source, size: 16, adds: false)
    let plan =
      importance == nil
      ? GGUFScaleSearch.Plan(from: -0.5, by: 0.1, tries: 15, byMagnitude: true)
      : GGUFScaleSearch.weightedPlan
    let (scales, minima) = pairs(source, size: 16, top: 3, weights, plan, codes)
    let sums = importance.map { _ in summed(weights, size: 16) }
    for (values, shift, offset) in [(scales, 0, 80), (minima, 4, 82)] {
      let found = coded(values, sums, top: 15)
      for (index, code) in found.codes.enumerated() { add(code << UInt8(shift), target, index) }
      GGUFBlockWriter.store(found.step, target, offset)
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
    _ source: UnsafeBufferPointer<Float>, _ importance: UnsafePointer<Float>?,
    _ target: UnsafeMutableRawPointer, _ codes: Codes, isFive: Bool
  ) {
    let weights =
      importance.map { weighed(source, $0, times: 2) } ?? magnitudes(source, size: 32, adds: true)
    let plan =
      importance != nil
      ? GGUFScaleSearch.weightedPlan
      : isFive
        ? GGUFScaleSearch.Plan(from: -0.5, by: 0.1, tries: 15)
        : GGUFScaleSearch.Plan(from: -1, by: 0.1, tries: 20)
    let top = isFive ? 31 : 15
    let (scales, minima) = pairs(source, size: 32, top: top, weights, plan, codes)
    let sums = importance.map { _ in summed(weights, size: 32) }
    let (first, second) = (coded(scales, sums, top: 63), coded(minima, sums, top: 63))
    GGUFBlockWriter.store(first.step, target, 0)
    GGUFBlockWriter.store(second.step, target, 2)
    for index in 0..<8 {
      let (scale, minimum) = (first.codes[index], second.codes[index])
      if index < 4 {
        add(scale, target, 4 + index)
        add(minimum, target, 8 + index)
      } else {
        add(scale & 15 | minimum << 4, target, 8 + index)
        add((scale >> 4) << 6, target, index)
        add((minimum >> 4) << 6, target, 4 + index)
      }
      take(
        part(source, index, of: 32), codes, index * 32, scale: half(target, 0) * Float(scale),
        minimum: half(target, 2) * Float(minimum), top: top)
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
    _ source: UnsafeBufferPointer<Float>, _ importance: UnsafePointer<Float>?,
    _ target: UnsafeMutableRawPointer, _ codes: Codes
  ) {
    guard let base = codes.baseAddress else { return }
    let weights = importance.map { weighed(source, $0, times: 2) }
    let scales = (0..<16).map { index -> Float in
      let numbers = part(source, index, of: 16)
      guard let weights else {
        return GGUFScaleSearch.movedScale(numbers, half: 4, base + index * 16)
      }
      return weights.withUnsafeBufferPointer { weights in
        GGUFScaleSearch.scale(
          numbers, half: 4, weights.baseAddress.map { $0 + index * 16 }, base + index * 16)
      }
    }
    let (step, found) = signed(scales, weights.map { summed($0, size: 16) })
    GGUFBlockWriter.store(step, target, 108)
    for (index, code) in found.enumerated() {
      add(code & 15, into: target, 96 + index % 8, high: index >= 8)
      add((code >> 4) << UInt8(index / 4 * 2), target, 104 + index % 4)
      center(
        part(source, index, of: 16), codes, index * 16,
        scale: half(target, 108) * Float(Int(code) - 32), half: 4)
    }
    for index in 0..<256 where codes[index] > 3 {
      add(1 << UInt8(index / 32), target, index % 32)
      codes[index] -= 4
    }
    twos(codes, target + 32)
  }

  /// Scales of either sign as codes of one step, which stand for 32 less.
  ///
  /// - Parameter sums: what the error of each counts; nil where the largest decides.
  private static func signed(
    _ scales: [Float], _ sums: [Float]?
  ) -> (step: Float, codes: [UInt8]) {
    var codes = [UInt8](repeating: 0, count: scales.count)
    if let sums {
      let step = scales.withUnsafeBufferPointer { scales in
        codes.withUnsafeMutableBufferPointer { codes in
          codes.baseAddress.map { GGUFScaleSearch.scale(scales, half: 32, sums, $0) } ?? 0
        }
      }
      return (step, codes)
    }
    var largest: Float = 0
    for scale in scales where scale.magnitude > largest.magnitude { largest = scale }
    guard largest != 0 else { return (0, codes) }
    let inverse = -32 / largest
    for (index, scale) in scales.enumerated() {
      codes[index] = UInt8(GGUFScaleSearch.nearest(inverse * scale, -32, 31) + 32)
    }
    return (1 / inverse, codes)
  }

  private static func q6(
    _ source: UnsafeBufferPointer<Float>, _ importance: UnsafePointer<Float>?,
    _ target: UnsafeMutableRawPointer, _ codes: Codes
  ) {
    guard let base = codes.baseAddress else { return }
    let scales = (0..<16).map { index -> Float in
      GGUFScaleSearch.scale(
        part(source, index, of: 16), half: 32, importance.map { $0 + index * 16 },
        base + index * 16)
    }
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
