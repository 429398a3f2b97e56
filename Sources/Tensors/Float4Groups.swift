/// Weights as 4-bit floats (E2M1) under scales of groups, as compressed-tensors stores them: NVFP4 and MXFP4.
///
/// Codes are rounded half to even. NVFP4: groups of 16 under E4M3 scales, `e4m3(global * max / 6)`, and one `global` scale,
/// `448 * 6 / max` of the tensor, which scales are divided by. MXFP4: groups of 32 under powers of two, the largest
/// magnitude taken for the next power of two from 1.75 times its own on.
package struct Float4Groups: Sendable {
  /// Two codes a byte, the first in the low half, `[rows, columns / 2]`.
  package var packed: [UInt8]
  /// E4M3 or E8M0, `[rows, columns / size]`.
  package var scales: [UInt8]
  /// What E4M3 scales are divided by; 1 for MXFP4.
  package var global: Float

  /// Input channels that share a scale.
  package static func size(_ form: StoredForm) -> Int { form == .nvfp4 ? 16 : 32 }

  /// The global scale of numbers up to a magnitude.
  package static func global(largest: Float) -> Float { largest == 0 ? 1 : 448 * 6 / largest }

  /// Rounds whole groups.
  package init(_ values: UnsafeBufferPointer<Float>, as form: StoredForm, global: Float) {
    let size = Self.size(form)
    precondition(values.count % size == 0, "\(values.count) numbers in groups of \(size)")
    self.global = form == .nvfp4 ? global : 1
    packed = [UInt8](repeating: 0, count: values.count / 2)
    scales = [UInt8](repeating: 0, count: values.count / size)
    for group in scales.indices {
      let numbers = UnsafeBufferPointer(rebasing: values[group * size..<(group + 1) * size])
      let largest = numbers.reduce(0) { max($0, $1.magnitude) }
      let step: Float
      if form == .nvfp4 {
        // A group of zeros takes the least scale that compressed-tensors stores.
        let code = FloatFormats.e4m3(self.global * (largest / 6))
        scales[group] = code == 0 ? FloatFormats.e4m3(0.125) : code
        step = FloatFormats.float(e4m3: scales[group]) / self.global
      } else {
        scales[group] = Self.exponent(largest)
        step = FloatFormats.float(e8m0: scales[group])
      }
      for (index, value) in numbers.enumerated() {
        let place = group * size + index
        packed[place / 2] |= FloatFormats.e2m1(value / step) << UInt8(place % 2 * 4)
      }
    }
  }

  /// The numbers that codes and scales stand for.
  ///
  /// - Parameter values: as many as there are codes.
  package func decode(as form: StoredForm, into values: UnsafeMutableBufferPointer<Float>) {
    let size = Self.size(form)
    for (group, scale) in scales.enumerated() {
      let step =
        form == .nvfp4
        ? FloatFormats.float(e4m3: scale) / global : FloatFormats.float(e8m0: scale)
      for index in group * size..<(group + 1) * size {
        values[index] =
          FloatFormats.float(e2m1: packed[index / 2] >> UInt8(index % 2 * 4) & 15) * step
      }
    }
  }

  private static func exponent(_ largest: Float) -> UInt8 {
    let bumped = Float(bitPattern: (largest.bitPattern + 0x20_0000) & 0x7f80_0000)
    return UInt8(clamping: Int(bumped.bitPattern >> 23) - 2)
  }
}

extension FloatFormats {
  /// E2M1 of a number, beyond 6 the largest, halves to even codes.
  package static func e2m1(_ value: Float) -> UInt8 {
    // Halves go to even codes; comparisons are counted, since branches on random numbers are guessed wrong.
    let magnitude = value.magnitude
    func from(_ isBelow: Bool) -> UInt8 { isBelow ? 0 : 1 }
    let code =
      from(magnitude <= 0.25) + from(magnitude < 0.75) + from(magnitude <= 1.25)
      + from(magnitude < 1.75) + from(magnitude <= 2.5) + from(magnitude < 3.5)
      + from(magnitude <= 5)
    return value < 0 ? code | 8 : code
  }
}
