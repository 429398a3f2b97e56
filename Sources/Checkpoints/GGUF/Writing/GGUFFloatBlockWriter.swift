import Tensors

/// Float32 numbers as ggml's blocks of 4-bit floats: MXFP4, whose scales are powers of two, and NVFP4, whose scales are E4M3.
///
/// As in ggml the nearest level is taken, of two that are as near the one that comes first in the table.
enum GGUFFloatBlockWriter {
  private static let levels: [Float] = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12]

  /// The power of two under the largest magnitude, a quarter of it.
  static func mxfp4(_ source: UnsafeBufferPointer<Float>, _ target: UnsafeMutableRawPointer) {
    let largest = GGUFBlockWriter.signedLargest(source).magnitude
    let exponent = largest > 0 && largest.isFinite ? Int(largest.exponent) - 2 + 127 : 0
    let code = UInt8(max(0, min(254, exponent)))
    target.storeBytes(of: code, as: UInt8.self)
    // Half of the scale, as the levels are doubled.
    let scale = Float(bitPattern: code < 2 ? 0x0020_0000 << UInt32(code) : UInt32(code - 1) << 23)
    GGUFBlockWriter.halves(target + 1) { nearest(source[$0], scale) }
  }

  /// Four scales of 16 numbers each, then their codes.
  static func nvfp4(_ source: UnsafeBufferPointer<Float>, _ target: UnsafeMutableRawPointer) {
    for part in 0..<4 {
      let numbers = UnsafeBufferPointer(rebasing: source[part * 16..<part * 16 + 16])
      let largest = GGUFBlockWriter.signedLargest(numbers).magnitude
      let code = e4m3(largest / 6)
      target.storeBytes(of: code, toByteOffset: part, as: UInt8.self)
      let scale = FloatFormats.float(e4m3: code) * 0.5
      for index in 0..<8 {
        let pair = nearest(numbers[index], scale) | nearest(numbers[index + 8], scale) << 4
        target.storeBytes(of: pair, toByteOffset: 4 + part * 8 + index, as: UInt8.self)
      }
    }
  }

  private static func nearest(_ value: Float, _ scale: Float) -> UInt8 {
    levels.withUnsafeBufferPointer { levels in
      var best = 0
      var error = (levels[0] * scale - value).magnitude
      for index in 1..<16 {
        let other = (levels[index] * scale - value).magnitude
        if other < error { (best, error) = (index, other) }
      }
      return UInt8(best)
    }
  }

  /// E4M3 of a number of 0 and more, halves rounded up.
  private static func e4m3(_ value: Float) -> UInt8 {
    guard value > 0 else { return 0 }
    let value = min(value, 448)
    let exponent = Int(value.exponent) + 7
    if exponent <= 0 { return UInt8(min(7, Int(value * 512 + 0.5))) }
    let bits = value.bitPattern
    let code = exponent << 3 + Int(bits >> 20 & 7) + Int(bits >> 19 & 1)
    return UInt8(min(0x7e, code))
  }
}
