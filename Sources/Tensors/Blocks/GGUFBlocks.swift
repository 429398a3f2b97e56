/// The values of ggml's blocks of 32: one scale, sometimes a minimum, and 4, 5 or 8 bits a number.
///
/// Layouts are those of ggml's `ggml-common.h`. The low halves of 16 bytes are the first 16 numbers of a
/// block, the high halves the others. The other families have files of their own: `GGUFSuperblocks` (K), `GGUFGridBlocks`
/// (IQ1 to IQ3), `GGUFTernaryBlocks` (TQ), `GGUFFloatBlocks` (MXFP4, NVFP4).
package enum GGUFBlocks {
  /// The 16 levels of IQ4_NL and IQ4_XS.
  static let nonlinearLevels: [Float] = [
    -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113,
  ]

  /// The 16 levels of Q4_0.
  private static let centeredLevels = (-8...7).map { Float($0) }

  /// Writes `count` numbers of the blocks of `type` that start at `base`; `count` must be whole blocks.
  package static func decode(
    _ type: GGUFTensorType, at base: UnsafeRawPointer, count: Int,
    into output: UnsafeMutablePointer<Float>
  ) {
    if let plain = type.plain {
      precondition(plain.isFloat, "\(type) holds no floating-point numbers")
      FloatFormats.decode(plain, at: base, elements: 0..<count, into: output)
      return
    }
    precondition(count % type.blockElements == 0, "\(count) numbers of \(type)")
    for block in 0..<count / type.blockElements {
      let source = base + block * type.blockBytes
      let target = output + block * type.blockElements
      switch type {
      case .q4_0: levels(source, scale: half(source, 0), at: 2, centeredLevels, target)
      case .q4_1:
        halves(source, scale: half(source, 0), minimum: half(source, 2), at: 4, target)
      case .q5_0: fives(source, offset: -16, minimum: -0.0, at: 2, target)
      case .q5_1: fives(source, offset: 0, minimum: half(source, 2), at: 4, target)
      case .q8_0: bytes(source, scale: half(source, 0), at: 2, 32, target)
      case .iq4NL: levels(source, scale: half(source, 0), at: 2, nonlinearLevels, target)
      case .q8_1: bytes(source, scale: half(source, 0), at: 4, 32, target)
      case .q8K:
        bytes(source, scale: source.loadUnaligned(as: Float.self), at: 4, 256, target)
      case .mxfp4: GGUFFloatBlocks.mxfp4(source, target)
      case .nvfp4: GGUFFloatBlocks.nvfp4(source, target)
      case .tq1_0: GGUFTernaryBlocks.tq1(source, target)
      case .tq2_0: GGUFTernaryBlocks.tq2(source, target)
      case .iq1S, .iq1M, .iq2XXS, .iq2XS, .iq2S, .iq3XXS, .iq3S:
        GGUFGridBlocks.decode(type, source, target)
      default: GGUFSuperblocks.decode(type, source, target)
      }
    }
  }

  /// Eight bits a number.
  private static func bytes(
    _ source: UnsafeRawPointer, scale: Float, at start: Int, _ count: Int,
    _ target: UnsafeMutablePointer<Float>
  ) {
    for index in 0..<count {
      target[index] = scale * Float(source.load(fromByteOffset: start + index, as: Int8.self))
    }
  }

  /// Four bits a number: `scale * q + minimum`.
  private static func halves(
    _ source: UnsafeRawPointer, scale: Float, minimum: Float, at start: Int,
    _ target: UnsafeMutablePointer<Float>
  ) {
    for index in 0..<16 {
      let pair = byte(source, start + index)
      target[index] = scale * Float(pair & 15) + minimum
      target[index + 16] = scale * Float(pair >> 4) + minimum
    }
  }

  /// Five bits a number, the fifth ones apart in 32 bits; a minimum of -0 leaves the sign of zeros alone.
  private static func fives(
    _ source: UnsafeRawPointer, offset: Float, minimum: Float, at start: Int,
    _ target: UnsafeMutablePointer<Float>
  ) {
    let scale = half(source, 0)
    let fifths = source.loadUnaligned(fromByteOffset: start, as: UInt32.self)
    for index in 0..<16 {
      let pair = byte(source, start + 4 + index)
      let low = pair & 15 | UInt8(truncatingIfNeeded: fifths >> UInt32(index) & 1) << 4
      let high = pair >> 4 | UInt8(truncatingIfNeeded: fifths >> UInt32(index + 16) & 1) << 4
      target[index] = scale * (Float(low) + offset) + minimum
      target[index + 16] = scale * (Float(high) + offset) + minimum
    }
  }

  /// Four bits a number that choose one of 16 levels.
  static func levels(
    _ source: UnsafeRawPointer, scale: Float, at start: Int, _ levels: [Float],
    _ target: UnsafeMutablePointer<Float>
  ) {
    levels.withUnsafeBufferPointer { levels in
      for index in 0..<16 {
        let pair = Int(byte(source, start + index))
        target[index] = scale * levels[pair & 15]
        target[index + 16] = scale * levels[pair >> 4]
      }
    }
  }

  static func byte(_ source: UnsafeRawPointer, _ offset: Int) -> UInt8 {
    source.load(fromByteOffset: offset, as: UInt8.self)
  }

  static func half(_ source: UnsafeRawPointer, _ offset: Int) -> Float {
    FloatFormats.float(f16: source.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
  }
}
