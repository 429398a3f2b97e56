/// The values of ggml's blocks of 4-bit floats (E2M1) under scales of 8 bits: MXFP4 and NVFP4.
///
/// As in ggml the table of E2M1 is doubled and the scale halved, so that the codes that the formats leave undefined come
/// out alike, too.
enum GGUFFloatBlocks {
  private static let levels: [Float] = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12]

  /// One scale of an exponent alone for 32 numbers, then codes: low halves first.
  static func mxfp4(_ source: UnsafeRawPointer, _ target: UnsafeMutablePointer<Float>) {
    GGUFBlocks.levels(
      source, scale: halved(e8m0: GGUFBlocks.byte(source, 0)), at: 1, levels, target)
  }

  /// Four scales of 16 numbers each, then their codes: of 8 bytes the low halves first.
  static func nvfp4(_ source: UnsafeRawPointer, _ target: UnsafeMutablePointer<Float>) {
    for part in 0..<4 {
      let scale = halved(ue4m3: GGUFBlocks.byte(source, part))
      for index in 0..<8 {
        let pair = Int(GGUFBlocks.byte(source, 4 + part * 8 + index))
        target[part * 16 + index] = scale * levels[pair & 15]
        target[part * 16 + index + 8] = scale * levels[pair >> 4]
      }
    }
  }

  /// 2^(code - 128).
  private static func halved(e8m0 code: UInt8) -> Float {
    Float(bitPattern: code < 2 ? 0x0020_0000 << UInt32(code) : UInt32(code - 1) << 23)
  }

  /// Half the value of an unsigned E4M3; 0 for the code that is not a number.
  private static func halved(ue4m3 code: UInt8) -> Float {
    guard code != 0, code != 0x7f else { return 0 }
    let mantissa = Float(code & 7)
    let exponent = Int(code >> 3 & 15)
    guard exponent > 0 else { return mantissa * 0x1p-9 * 0.5 }
    return (1 + mantissa / 8) * Float(sign: .plus, exponent: exponent - 7, significand: 1) * 0.5
  }
}
