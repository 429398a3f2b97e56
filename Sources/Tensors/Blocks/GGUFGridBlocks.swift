/// The values of ggml's IQ1, IQ2 and IQ3 blocks of 256: each code chooses a point of a grid, 8 or 4 numbers at a time.
///
/// Layouts are those of ggml's `ggml-common.h`; the order of the operations is that of its reference, so that results
/// agree to the bit.
enum GGUFGridBlocks {
  /// Writes the 256 numbers of the block at `source`.
  static func decode(
    _ type: GGUFTensorType, _ source: UnsafeRawPointer, _ target: UnsafeMutablePointer<Float>
  ) {
    switch type {
    case .iq1S: iq1S(source, target)
    case .iq1M: iq1M(source, target)
    case .iq2XXS: iq2XXS(source, target)
    case .iq2XS: iq2XS(source, target)
    case .iq2S: iq2S(source, target)
    case .iq3XXS: iq3XXS(source, target)
    case .iq3S: iq3S(source, target)
    default: preconditionFailure("\(type) has no grid")
    }
  }

  // MARK: Two bits

  /// Scale; for each 32 numbers four codes of 8 bits, then four times seven sign bits under a scale of 4.
  private static func iq2XXS(_ source: UnsafeRawPointer, _ target: UnsafeMutablePointer<Float>) {
    let scale = half(source, 0)
    GGUFGrids.iq2XXS.withUnsafeBufferPointer { grid in
      for part in 0..<8 {
        let tail = word(source, 2 + part * 8 + 4)
        let step = scale * (0.5 + Float(tail >> 28)) * 0.25
        for group in 0..<4 {
          let code = Int(byte(source, 2 + part * 8 + group))
          let signs = evenSigns(tail >> UInt32(7 * group))
          point(grid, code, 8, step, signs, target + part * 32 + group * 8)
        }
      }
    }
  }

  /// Scale; 32 codes of 9 bits under seven sign bits; scales of 4 bits for each 16 numbers.
  private static func iq2XS(_ source: UnsafeRawPointer, _ target: UnsafeMutablePointer<Float>) {
    let scale = half(source, 0)
    GGUFGrids.iq2XS.withUnsafeBufferPointer { grid in
      for group in 0..<32 {
        let code = source.loadUnaligned(fromByteOffset: 2 + group * 2, as: UInt16.self)
        let step = scale * (0.5 + Float(nibble(source, 66, group / 2))) * 0.25
        point(
          grid, Int(code & 511), 8, step, evenSigns(UInt32(code >> 9)), target + group * 8)
      }
    }
  }

  /// Scale; 32 codes of 8 bits, their signs, two more bits of each, scales of 4 bits for each 16 numbers.
  private static func iq2S(_ source: UnsafeRawPointer, _ target: UnsafeMutablePointer<Float>) {
    let scale = half(source, 0)
    GGUFGrids.iq2S.withUnsafeBufferPointer { grid in
      for group in 0..<32 {
        let high = Int(byte(source, 66 + group / 4) >> UInt8(group % 4 * 2) & 3)
        let step = scale * (0.5 + Float(nibble(source, 74, group / 2))) * 0.25
        point(
          grid, Int(byte(source, 2 + group)) | high << 8, 8, step, byte(source, 34 + group),
          target + group * 8)
      }
    }
  }

  // MARK: Three bits

  /// Scale; 64 codes of 8 bits; for each 32 numbers four times seven sign bits under a scale of 4.
  private static func iq3XXS(_ source: UnsafeRawPointer, _ target: UnsafeMutablePointer<Float>) {
    let scale = half(source, 0)
    GGUFGrids.iq3XXS.withUnsafeBufferPointer { grid in
      for part in 0..<8 {
        let tail = word(source, 66 + part * 4)
        let step = scale * (0.5 + Float(tail >> 28)) * 0.5
        for group in 0..<8 {
          let signs = evenSigns(tail >> UInt32(7 * (group / 2))) >> UInt8(group % 2 * 4)
          let code = Int(byte(source, 2 + part * 8 + group))
          point(grid, code, 4, step, signs, target + part * 32 + group * 4)
        }
      }
    }
  }

  /// Scale; 64 codes of 8 bits, one more bit of each, signs, scales of 4 bits for each 32 numbers.
  private static func iq3S(_ source: UnsafeRawPointer, _ target: UnsafeMutablePointer<Float>) {
    let scale = half(source, 0)
    GGUFGrids.iq3S.withUnsafeBufferPointer { grid in
      for group in 0..<64 {
        let high = Int(byte(source, 66 + group / 8) >> UInt8(group % 8) & 1)
        let step = scale * Float(1 + 2 * Int(nibble(source, 106, group / 8)))
        let signs = byte(source, 74 + group / 2) >> UInt8(group % 2 * 4)
        point(
          grid, Int(byte(source, 2 + group)) | high << 8, 4, step, signs, target + group * 4)
      }
    }
  }

  // MARK: One bit

  /// How far all numbers of a group are moved, up or down.
  private static let shift: Float = 0.125

  /// Scale; 32 codes of 8 bits; for each 32 numbers three more bits of four codes, a scale of 3 and a direction.
  private static func iq1S(_ source: UnsafeRawPointer, _ target: UnsafeMutablePointer<Float>) {
    let scale = half(source, 0)
    GGUFGrids.iq1.withUnsafeBufferPointer { grid in
      for group in 0..<32 {
        let head = source.loadUnaligned(fromByteOffset: 34 + group / 4 * 2, as: UInt16.self)
        let step = scale * Float(2 * (head >> 12 & 7) + 1)
        let high = Int(head >> UInt16(group % 4 * 3) & 7)
        shifted(
          grid, Int(byte(source, group + 2)) | high << 8, step,
          head & 0x8000 == 0 ? shift : -shift, target + group * 8)
      }
    }
  }

  /// 32 codes of 8 bits, three more bits of each with a direction, scales of 3 bits for each 16 numbers; the
  /// upper four bits of the four words of scales are the 16-bit scale of all.
  private static func iq1M(_ source: UnsafeRawPointer, _ target: UnsafeMutablePointer<Float>) {
    let words = (0..<4).map {
      source.loadUnaligned(fromByteOffset: 48 + $0 * 2, as: UInt16.self)
    }
    let bits = (0..<4).reduce(UInt16(0)) { $0 | (words[$1] >> 12) << UInt16($1 * 4) }
    let scale = Float(Float16(bitPattern: bits))
    GGUFGrids.iq1.withUnsafeBufferPointer { grid in
      for group in 0..<32 {
        let sixteen = group / 2
        let step = scale * Float(2 * (words[sixteen / 4] >> UInt16(sixteen % 4 * 3) & 7) + 1)
        let head = nibble(source, 32, group)
        shifted(
          grid, Int(byte(source, group)) | Int(head & 7) << 8, step,
          head & 8 == 0 ? shift : -shift, target + group * 8)
      }
    }
  }

  // MARK: Points

  /// One point of a grid, times a step, with signs: the lowest bit is the first number's.
  @inline(__always)
  private static func point(
    _ grid: UnsafeBufferPointer<Float>, _ code: Int, _ width: Int, _ step: Float, _ signs: UInt8,
    _ target: UnsafeMutablePointer<Float>
  ) {
    for index in 0..<width {
      let value = step * grid[code * width + index]
      target[index] = signs >> UInt8(index) & 1 == 0 ? value : -value
    }
  }

  @inline(__always)
  private static func shifted(
    _ grid: UnsafeBufferPointer<Float>, _ code: Int, _ step: Float, _ shift: Float,
    _ target: UnsafeMutablePointer<Float>
  ) {
    for index in 0..<8 { target[index] = step * (grid[code * 8 + index] + shift) }
  }

  /// Eight signs from the lowest seven bits: the last makes their number even.
  @inline(__always)
  private static func evenSigns(_ bits: UInt32) -> UInt8 {
    let seven = UInt8(truncatingIfNeeded: bits & 127)
    return seven | UInt8(truncatingIfNeeded: seven.nonzeroBitCount & 1) << 7
  }

  /// Four bits of the bytes from `start` on, the lower half of each first.
  @inline(__always)
  private static func nibble(_ source: UnsafeRawPointer, _ start: Int, _ index: Int) -> UInt8 {
    byte(source, start + index / 2) >> UInt8(index % 2 * 4) & 15
  }

  private static func word(_ source: UnsafeRawPointer, _ offset: Int) -> UInt32 {
    source.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
  }

  private static func byte(_ source: UnsafeRawPointer, _ offset: Int) -> UInt8 {
    GGUFBlocks.byte(source, offset)
  }

  private static func half(_ source: UnsafeRawPointer, _ offset: Int) -> Float {
    GGUFBlocks.half(source, offset)
  }
}
