/// The values of ggml's blocks of 256: sub-blocks of 16 or 32 with small scales of their own, under one or
/// two 16-bit scales ("K quants").
///
/// Layouts are those of ggml's `ggml-common.h`; see `GGUFBlocks` for blocks of 32.
enum GGUFSuperblocks {
  /// Writes the 256 numbers of the block at `source`.
  static func decode(
    _ type: GGUFTensorType, _ source: UnsafeRawPointer, _ target: UnsafeMutablePointer<Float>
  ) {
    switch type {
    case .q2K: q2(source, target)
    case .q3K: q3(source, target)
    case .q4K: q45(source, high: nil, codes: 16, target)
    case .q5K: q45(source, high: 16, codes: 48, target)
    case .q6K: q6(source, target)
    case .iq4XS: iq4(source, target)
    default: preconditionFailure("\(type) has no blocks of 256")
    }
  }

  /// Scales (low half) and minima (high half) of 16 sub-blocks, 2-bit codes, scale, scale of minima.
  private static func q2(_ source: UnsafeRawPointer, _ target: UnsafeMutablePointer<Float>) {
    let scale = half(source, 80)
    let minimum = half(source, 82)
    for part in 0..<16 {
      let packed = byte(source, part)
      let step = scale * Float(packed & 15)
      let shift = minimum * Float(packed >> 4)
      // 128 numbers share 32 bytes, of which each quarter takes two bits.
      let codes = 16 + part / 8 * 32 + part % 2 * 16
      let bits = part % 8 / 2 * 2
      for index in 0..<16 {
        let code = byte(source, codes + index) >> UInt8(bits) & 3
        target[part * 16 + index] = step * Float(code) - shift
      }
    }
  }

  /// High bits, 2-bit codes, 16 signed 6-bit scales, scale; a clear high bit takes 4 off.
  private static func q3(_ source: UnsafeRawPointer, _ target: UnsafeMutablePointer<Float>) {
    let scale = half(source, 108)
    for part in 0..<16 {
      let low = byte(source, 96 + part % 8) >> UInt8(part / 8 * 4) & 15
      let high = byte(source, 104 + part % 4) >> UInt8(part / 4 * 2) & 3
      let step = scale * Float(Int(high << 4 | low) - 32)
      let codes = 32 + part / 8 * 32 + part % 2 * 16
      let bits = part % 8 / 2 * 2
      let mask = UInt8(1) << UInt8(part / 8 * 4 + bits / 2)
      for index in 0..<16 {
        let code = Int(byte(source, codes + index) >> UInt8(bits) & 3)
        let isHigh = byte(source, part % 2 * 16 + index) & mask != 0
        target[part * 16 + index] = step * Float(isHigh ? code : code - 4)
      }
    }
  }

  /// Scale, scale of minima, 8 pairs of 6-bit scales and minima, for Q5_K the fifth bits, 4-bit codes.
  private static func q45(
    _ source: UnsafeRawPointer, high: Int?, codes: Int, _ target: UnsafeMutablePointer<Float>
  ) {
    let scale = half(source, 0)
    let minimum = half(source, 2)
    for part in 0..<8 {
      let pair = scaleAndMinimum(source + 4, part)
      let step = scale * Float(pair.scale)
      let shift = minimum * Float(pair.minimum)
      for index in 0..<32 {
        let packed = byte(source, codes + part / 2 * 32 + index)
        var code = part % 2 == 0 ? packed & 15 : packed >> 4
        if let high { code |= (byte(source, high + index) >> UInt8(part) & 1) << 4 }
        target[part * 32 + index] = step * Float(code) - shift
      }
    }
  }

  /// Eight 6-bit scales and eight 6-bit minima in 12 bytes.
  private static func scaleAndMinimum(_ packed: UnsafeRawPointer, _ part: Int) -> (
    scale: UInt8, minimum: UInt8
  ) {
    if part < 4 { return (byte(packed, part) & 63, byte(packed, part + 4) & 63) }
    let both = byte(packed, part + 4)
    let scaleTop = byte(packed, part - 4) >> 6
    let minimumTop = byte(packed, part) >> 6
    return (both & 15 | scaleTop << 4, both >> 4 | minimumTop << 4)
  }

  /// Low four bits, high two bits, 16 signed scales, scale.
  private static func q6(_ source: UnsafeRawPointer, _ target: UnsafeMutablePointer<Float>) {
    let scale = half(source, 208)
    for part in 0..<8 {
      // 128 numbers are four parts of 32: two in the low halves of 64 bytes, two in the high halves.
      let quarter = part % 4
      let low = part / 4 * 64 + quarter % 2 * 32
      let high = 128 + part / 4 * 32
      for index in 0..<32 {
        let packed = byte(source, low + index)
        let lowBits = quarter < 2 ? packed & 15 : packed >> 4
        let highBits = byte(source, high + index) >> UInt8(quarter * 2) & 3
        let step = Float(
          source.load(fromByteOffset: 192 + part * 2 + index / 16, as: Int8.self))
        target[part * 32 + index] = scale * step * Float(Int(highBits << 4 | lowBits) - 32)
      }
    }
  }

  /// Scale, high bits of the 6-bit scales, their low bits, codes of 16 levels.
  private static func iq4(_ source: UnsafeRawPointer, _ target: UnsafeMutablePointer<Float>) {
    let scale = half(source, 0)
    let highs = source.loadUnaligned(fromByteOffset: 2, as: UInt16.self)
    for part in 0..<8 {
      let low = byte(source, 4 + part / 2) >> UInt8(part % 2 * 4) & 15
      let high = UInt8(truncatingIfNeeded: highs >> UInt16(part * 2) & 3)
      GGUFBlocks.levels(
        source, scale: scale * Float(Int(high << 4 | low) - 32), at: 8 + part * 16,
        GGUFBlocks.nonlinearLevels, target + part * 32)
    }
  }

  private static func byte(_ source: UnsafeRawPointer, _ offset: Int) -> UInt8 {
    GGUFBlocks.byte(source, offset)
  }

  private static func half(_ source: UnsafeRawPointer, _ offset: Int) -> Float {
    GGUFBlocks.half(source, offset)
  }
}
