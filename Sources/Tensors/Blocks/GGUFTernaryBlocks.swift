/// The values of ggml's ternary blocks of 256: -1, 0 or 1 times one 16-bit scale, which comes last.
///
/// Layouts are those of ggml's `ggml-common.h`.
enum GGUFTernaryBlocks {
  /// Five digits to base 3 in a byte, the first highest: 32 bytes, 16 bytes, and four bytes of four digits.
  static func tq1(_ source: UnsafeRawPointer, _ target: UnsafeMutablePointer<Float>) {
    let scale = GGUFBlocks.half(source, 52)
    var output = 0
    for (start, count, digits) in [(0, 32, 5), (32, 16, 5), (48, 4, 4)] {
      var power: UInt8 = 1
      for _ in 0..<digits {
        for index in 0..<count {
          // The byte is the number's fraction of 256, so a digit is what a multiplication carries over.
          let rest = GGUFBlocks.byte(source, start + index) &* power
          target[output] = scale * Float(Int((UInt16(rest) * 3) >> 8) - 1)
          output += 1
        }
        power = power &* 3
      }
    }
  }

  /// Two bits a number; 128 numbers share 32 bytes, of which each quarter takes two bits.
  static func tq2(_ source: UnsafeRawPointer, _ target: UnsafeMutablePointer<Float>) {
    let scale = GGUFBlocks.half(source, 64)
    for part in 0..<8 {
      for index in 0..<32 {
        let code = GGUFBlocks.byte(source, part / 4 * 32 + index) >> UInt8(part % 4 * 2) & 3
        target[part * 32 + index] = scale * Float(Int(code) - 1)
      }
    }
  }
}
