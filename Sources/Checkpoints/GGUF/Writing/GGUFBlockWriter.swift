package import Tensors

/// Float32 numbers turned into the types of GGUF files that are written, byte for byte as ggml's reference does.
///
/// Q8_0: scale `max|x| / 127`, halves rounded away from zero. Q4_0 and Q5_0: scale `m / -8` (`m / -16`), where `m` is
/// the number of the largest magnitude with its sign. Q4_1 and Q5_1: from the least number to the largest. Codes come
/// from the scale before it is rounded to 16 bits. Other families have files of their own: `GGUFSuperblockWriter` (K),
/// `GGUFLevelBlockWriter` (IQ4), `GGUFFloatBlockWriter` (MXFP4, NVFP4).
package enum GGUFBlockWriter {
  /// The types that can be written.
  package static let types: [GGUFTensorType] = [
    .f32, .f16, .bf16, .q8_0, .q4_0, .q4_1, .q5_0, .q5_1, .q2K, .q3K, .q4K, .q5K, .q6K, .iq4NL,
    .iq4XS, .mxfp4, .nvfp4,
  ]

  /// The types whose scales an importance matrix has a say in.
  package static let weightedTypes: [GGUFTensorType] = [
    .q4_0, .q4_1, .q5_0, .q5_1, .q2K, .q3K, .q4K, .q5K, .q6K, .iq4NL, .iq4XS,
  ]

  /// Writes `values` as blocks of `type`, one of `types`, to `output`; they must be whole blocks.
  ///
  /// - Parameter importance: for one of `weightedTypes` what the error of each number counts, as many as there are
  ///   values, which are a whole row; nil for none.
  package static func encode(
    _ values: UnsafeBufferPointer<Float>, as type: GGUFTensorType,
    importance: UnsafePointer<Float>? = nil, into output: UnsafeMutableRawPointer
  ) {
    precondition(values.count % type.blockElements == 0, "\(values.count) numbers of \(type)")
    if let plain = type.plain {
      FloatFormats.encode(values, as: plain, into: output)
      return
    }
    if let importance, type.blockElements == 32, weightedTypes.contains(type), type != .iq4NL {
      GGUFWeightedBlockWriter.encode(values, as: type, importance, into: output)
      return
    }
    for block in 0..<values.count / type.blockElements {
      let start = block * type.blockElements
      let source = UnsafeBufferPointer(rebasing: values[start..<start + type.blockElements])
      let target = output + block * type.blockBytes
      let own = importance.map { $0 + start }
      switch type {
      case .q8_0: q8(source, target)
      case .q4_0: q4(source, target)
      case .q4_1: q41(source, target)
      case .q5_0: q50(source, target)
      case .q5_1: q51(source, target)
      case .iq4NL: GGUFLevelBlockWriter.nonlinear(source, importance: own, target)
      case .iq4XS: GGUFLevelBlockWriter.superblock(source, importance: own, target)
      case .mxfp4: GGUFFloatBlockWriter.mxfp4(source, target)
      case .nvfp4: GGUFFloatBlockWriter.nvfp4(source, target)
      default: GGUFSuperblockWriter.encode(source, as: type, importance: own, target)
      }
    }
  }

  private static func q8(_ source: UnsafeBufferPointer<Float>, _ target: UnsafeMutableRawPointer) {
    let largest = source.reduce(0) { Swift.max($0, $1.magnitude) }
    let scale = largest / 127
    let inverse = scale == 0 ? 0 : 1 / scale
    store(scale, target, 0)
    for index in 0..<32 {
      let code = (source[index] * inverse).rounded(.toNearestOrAwayFromZero)
      target.storeBytes(of: clamped(code, -127, 127), toByteOffset: 2 + index, as: Int8.self)
    }
  }

  private static func q4(_ source: UnsafeBufferPointer<Float>, _ target: UnsafeMutableRawPointer) {
    let scale = signedLargest(source) / -8
    let inverse = scale == 0 ? 0 : 1 / scale
    store(scale, target, 0)
    halves(target + 2) { UInt8(clamped(source[$0] * inverse + 8.5, 0, 15)) }
  }

  private static func q41(_ source: UnsafeBufferPointer<Float>, _ target: UnsafeMutableRawPointer) {
    let (least, scale, inverse) = span(source, steps: 15)
    store(scale, target, 0)
    store(least, target, 2)
    halves(target + 4) { UInt8(clamped((source[$0] - least) * inverse + 0.5, 0, 15)) }
  }

  private static func q50(_ source: UnsafeBufferPointer<Float>, _ target: UnsafeMutableRawPointer) {
    let scale = signedLargest(source) / -16
    let inverse = scale == 0 ? 0 : 1 / scale
    store(scale, target, 0)
    fives(target + 2) { UInt8(clamped(source[$0] * inverse + 16.5, 0, 31)) }
  }

  private static func q51(_ source: UnsafeBufferPointer<Float>, _ target: UnsafeMutableRawPointer) {
    let (least, scale, inverse) = span(source, steps: 31)
    store(scale, target, 0)
    store(least, target, 2)
    fives(target + 4) { UInt8(clamped((source[$0] - least) * inverse + 0.5, 0, 31)) }
  }

  /// The number of the largest magnitude, with its sign.
  static func signedLargest(_ source: UnsafeBufferPointer<Float>) -> Float {
    var largest: Float = 0
    for value in source where value.magnitude > largest.magnitude { largest = value }
    return largest
  }

  /// The least number, and the step that reaches the largest in so many steps, with its inverse.
  private static func span(
    _ source: UnsafeBufferPointer<Float>, steps: Float
  ) -> (least: Float, scale: Float, inverse: Float) {
    var (least, largest) = (Float.greatestFiniteMagnitude, -Float.greatestFiniteMagnitude)
    for value in source {
      if value < least { least = value }
      if value > largest { largest = value }
    }
    let scale = (largest - least) / steps
    return (least, scale, scale == 0 ? 0 : 1 / scale)
  }

  /// Sixteen bytes of two codes of 4 bits, the first 16 numbers in the low halves.
  static func halves(_ target: UnsafeMutableRawPointer, _ code: (Int) -> UInt8) {
    for index in 0..<16 {
      let pair = code(index) & 15 | code(index + 16) << 4
      target.storeBytes(of: pair, toByteOffset: index, as: UInt8.self)
    }
  }

  /// The fifth bits of 32 codes, then their other four as `halves` has them.
  static func fives(_ target: UnsafeMutableRawPointer, _ code: (Int) -> UInt8) {
    var fifths: UInt32 = 0
    for index in 0..<16 {
      let (low, high) = (code(index), code(index + 16))
      fifths |= UInt32(low >> 4 & 1) << UInt32(index) | UInt32(high >> 4 & 1) << UInt32(index + 16)
      target.storeBytes(of: low & 15 | high << 4, toByteOffset: 4 + index, as: UInt8.self)
    }
    target.storeBytes(of: fifths.littleEndian, as: UInt32.self)
  }

  /// Stores a number in 16 bits.
  static func store(_ value: Float, _ target: UnsafeMutableRawPointer, _ offset: Int) {
    target.storeBytes(of: FloatFormats.f16(value), toByteOffset: offset, as: UInt16.self)
  }

  /// The integer part, kept inside the range; 0 for what is not a number.
  private static func clamped(_ value: Float, _ lower: Float, _ upper: Float) -> Int8 {
    value.isNaN ? 0 : Int8(Swift.max(lower, Swift.min(upper, value)))
  }
}
