import Tensors

/// The values of ggml's blocks of 32: one scale, sometimes a minimum, and 4, 5 or 8 bits a number.
///
/// Layouts are those of ggml's `ggml-common.h`. The low halves of 16 bytes are the first 16 numbers of a
/// block, the high halves the others. Blocks of 256 are in `GGUFSuperblocks`.
package enum GGUFBlocks {
  /// The 16 levels of IQ4_NL and IQ4_XS.
  static let nonlinearLevels: [Float] = [
    -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113,
  ]

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
      case .q4_0: halves(source, scale: half(source, 0), offset: -8, minimum: 0, at: 2, target)
      case .q4_1:
        halves(
          source, scale: half(source, 0), offset: 0, minimum: half(source, 2), at: 4, target)
      case .q5_0: fives(source, offset: -16, minimum: 0, at: 2, target)
      case .q5_1: fives(source, offset: 0, minimum: half(source, 2), at: 4, target)
      case .q8_0:
        let scale = half(source, 0)
        for index in 0..<32 {
          target[index] =
            scale * Float(source.load(fromByteOffset: 2 + index, as: Int8.self))
        }
      case .iq4NL: levels(source, scale: half(source, 0), at: 2, nonlinearLevels, target)
      case .mxfp4:
        // The table of E2M1 is doubled in ggml, and the scale halved; the products are the same.
        let scale = FloatFormats.float(e8m0: byte(source, 0))
        for index in 0..<16 {
          let pair = byte(source, 1 + index)
          target[index] = FloatFormats.float(e2m1: pair & 15) * scale
          target[index + 16] = FloatFormats.float(e2m1: pair >> 4) * scale
        }
      default: GGUFSuperblocks.decode(type, source, target)
      }
    }
  }

  /// Four bits a number: `scale * (q + offset) + minimum`.
  private static func halves(
    _ source: UnsafeRawPointer, scale: Float, offset: Float, minimum: Float, at start: Int,
    _ target: UnsafeMutablePointer<Float>
  ) {
    for index in 0..<16 {
      let pair = byte(source, start + index)
      target[index] = scale * (Float(pair & 15) + offset) + minimum
      target[index + 16] = scale * (Float(pair >> 4) + offset) + minimum
    }
  }

  /// Five bits a number, the fifth ones apart in 32 bits.
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
