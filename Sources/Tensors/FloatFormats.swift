/// Exact conversions between float32 and the narrow floating-point formats, scalar and in bulk.
///
/// IEEE 754 binary16, bfloat16, and the OCP 8-bit formats E4M3FN (largest 448, no infinities) and E5M2
/// (largest 57344). Rounding is half to even everywhere. The 8-bit formats are clamped: what lies
/// beyond the largest number, infinity included, becomes it, as quantizers want it; not-a-number stays.
package enum FloatFormats {
  /// The largest number of E4M3FN.
  package static let largestE4M3: Float = 448
  /// The largest finite number of E5M2.
  package static let largestE5M2: Float = 57344

  // MARK: To float32

  package static func float(bf16 bits: UInt16) -> Float {
    Float(bitPattern: UInt32(bits) << 16)
  }

  package static func float(f16 bits: UInt16) -> Float {
    let magnitude = UInt32(bits & 0x7fff)
    // Shifted into place the exponent is 112 too small, for subnormals as well.
    let finite = (Float(bitPattern: magnitude << 13) * 0x1p112).bitPattern
    let special = 0x7f80_0000 | (magnitude & 0x3ff) << 13
    return Float(
      bitPattern: UInt32(bits & 0x8000) << 16 | (magnitude < 0x7c00 ? finite : special))
  }

  package static func float(e4m3 bits: UInt8) -> Float {
    let magnitude = UInt32(bits & 0x7f)
    let finite = (Float(bitPattern: magnitude << 20) * 0x1p120).bitPattern
    return Float(
      bitPattern: UInt32(bits & 0x80) << 24 | (magnitude < 0x7f ? finite : 0x7fc0_0000))
  }

  package static func float(e5m2 bits: UInt8) -> Float { float(f16: UInt16(bits) << 8) }

  /// `2^(bits - 127)`; 255 is not a number.
  package static func float(e8m0 bits: UInt8) -> Float {
    switch bits {
    case 0: 0x1p-127
    case 255: .nan
    default: Float(bitPattern: UInt32(bits) << 23)
    }
  }

  /// The value of the low four bits as E2M1: 0, 0.5, 1, 1.5, 2, 3, 4, 6, and a sign.
  package static func float(e2m1 bits: UInt8) -> Float {
    let magnitude = Float(bitPattern: UInt32(bits & 7) << 22) * 0x1p126
    return bits & 8 == 0 ? magnitude : -magnitude
  }

  // MARK: From float32

  package static func bf16(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    // A quiet not-a-number keeps its sign and the payload that fits.
    if value.isNaN { return UInt16(truncatingIfNeeded: bits >> 16) | 0x40 }
    return UInt16(truncatingIfNeeded: (bits &+ 0x7fff &+ (bits >> 16 & 1)) >> 16)
  }

  /// Values of 65520 and more in magnitude become infinite.
  package static func f16(_ value: Float) -> UInt16 {
    let sign = UInt16(truncatingIfNeeded: value.bitPattern >> 16) & 0x8000
    if value.isNaN { return sign | 0x7e00 }
    let magnitude = min(value.magnitude, 65536)
    let code = small(magnitude, mantissa: 10, bias: 15)
    return sign | UInt16(truncatingIfNeeded: min(code, 0x7c00))
  }

  package static func e4m3(_ value: Float) -> UInt8 {
    let sign = UInt8(truncatingIfNeeded: value.bitPattern >> 24) & 0x80
    if value.isNaN { return sign | 0x7f }
    let magnitude = min(value.magnitude, largestE4M3)
    return sign | UInt8(truncatingIfNeeded: small(magnitude, mantissa: 3, bias: 7))
  }

  package static func e5m2(_ value: Float) -> UInt8 {
    let sign = UInt8(truncatingIfNeeded: value.bitPattern >> 24) & 0x80
    if value.isNaN { return sign | 0x7f }
    let magnitude = min(value.magnitude, largestE5M2)
    return sign | UInt8(truncatingIfNeeded: small(magnitude, mantissa: 2, bias: 15))
  }

  /// The code of a magnitude in a format of `mantissa` bits, rounded half to even.
  private static func small(_ magnitude: Float, mantissa: UInt32, bias: UInt32) -> UInt32 {
    let bits = magnitude.bitPattern
    let shift = 23 - mantissa
    if bits >> 23 < 128 - bias {
      // Below the smallest normal number: adding the power of two whose last place is the smallest
      // subnormal lets the hardware do the rounding.
      let anchor = Float(bitPattern: (128 - bias + shift) << 23)
      return (magnitude + anchor).bitPattern - anchor.bitPattern
    }
    let rounded = bits + (1 << (shift - 1) - 1) + (bits >> shift & 1)
    return (rounded >> shift) - ((127 - bias) << mantissa)
  }

  // MARK: In bulk

  /// Writes the float32 values of `elements` of the numbers of `type` that start at `base`.
  ///
  /// `type` must be a floating-point type.
  package static func decode(
    _ type: DType, at base: UnsafeRawPointer, elements: Range<Int>,
    into output: UnsafeMutablePointer<Float>
  ) {
    let count = elements.count
    let source = base + elements.lowerBound * type.bits / 8
    switch type {
    case .f32:
      UnsafeMutableRawPointer(output).copyMemory(from: source, byteCount: count * 4)
    case .bf16:
      for index in 0..<count {
        output[index] = float(
          bf16: source.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self))
      }
    case .f16:
      for index in 0..<count {
        output[index] = float(f16: source.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self))
      }
    case .f64:
      for index in 0..<count {
        output[index] = Float(source.loadUnaligned(fromByteOffset: index * 8, as: Double.self))
      }
    case .f8e4m3:
      for index in 0..<count {
        output[index] = float(e4m3: source.load(fromByteOffset: index, as: UInt8.self))
      }
    case .f8e5m2:
      for index in 0..<count {
        output[index] = float(e5m2: source.load(fromByteOffset: index, as: UInt8.self))
      }
    case .f8e8m0:
      for index in 0..<count {
        output[index] = float(e8m0: source.load(fromByteOffset: index, as: UInt8.self))
      }
    case .f4:
      for (position, index) in elements.enumerated() {
        let pair = base.load(fromByteOffset: index / 2, as: UInt8.self)
        output[position] = float(e2m1: index % 2 == 0 ? pair & 15 : pair >> 4)
      }
    case .i64, .i32, .i16, .i8, .u64, .u32, .u16, .u8, .bool:
      preconditionFailure("\(type) holds no floating-point numbers")
    }
  }

  /// Writes `values` as `type`, one of F32, F16, BF16 and the two 8-bit formats, to `output`.
  package static func encode(
    _ values: UnsafeBufferPointer<Float>, as type: DType, into output: UnsafeMutableRawPointer
  ) {
    switch type {
    case .f32:
      if let base = values.baseAddress {
        output.copyMemory(from: base, byteCount: values.count * 4)
      }
    case .bf16:
      for index in 0..<values.count {
        output.storeBytes(of: bf16(values[index]), toByteOffset: index * 2, as: UInt16.self)
      }
    case .f16:
      for index in 0..<values.count {
        output.storeBytes(of: f16(values[index]), toByteOffset: index * 2, as: UInt16.self)
      }
    case .f8e4m3:
      for index in 0..<values.count {
        output.storeBytes(of: e4m3(values[index]), toByteOffset: index, as: UInt8.self)
      }
    case .f8e5m2:
      for index in 0..<values.count {
        output.storeBytes(of: e5m2(values[index]), toByteOffset: index, as: UInt8.self)
      }
    default:
      preconditionFailure("\(type) is not written from float32")
    }
  }
}
