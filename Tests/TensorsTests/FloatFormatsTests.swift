import Glibc
import Tensors
import Testing

@Suite struct FloatFormatsTests {
  /// The value of a code by the definition of the format, in double precision.
  private func value(_ code: Int, exponent: Int, mantissa: Int, hasInfinity: Bool) -> Double {
    let bias = 1 << (exponent - 1) - 1
    let sign: Double = code >> (exponent + mantissa) & 1 == 1 ? -1 : 1
    let power = code >> mantissa & (1 << exponent - 1)
    let fraction = code & (1 << mantissa - 1)
    let isTop = power == 1 << exponent - 1
    if hasInfinity, isTop { return fraction == 0 ? sign * .infinity : .nan }
    if !hasInfinity, isTop, fraction == 1 << mantissa - 1 { return .nan }
    let scale = scalbn(1.0, Int32(max(power, 1) - bias - mantissa))
    return sign * Double(fraction + (power == 0 ? 0 : 1 << mantissa)) * scale
  }

  private func isSame(_ left: Float, _ right: Double) -> Bool {
    left.isNaN ? right.isNaN : Double(left) == right && left.sign == right.sign
  }

  @Test func every16BitPatternIsRead() {
    var wrong = 0
    for code in 0...0xffff {
      let half = value(code, exponent: 5, mantissa: 10, hasInfinity: true)
      if !isSame(FloatFormats.float(f16: UInt16(code)), half) { wrong += 1 }
      let brain = value(code, exponent: 8, mantissa: 7, hasInfinity: true)
      if !isSame(FloatFormats.float(bf16: UInt16(code)), brain) { wrong += 1 }
    }
    #expect(wrong == 0)
  }

  @Test func every8BitPatternIsRead() {
    for code in 0...255 {
      let e4m3 = value(code, exponent: 4, mantissa: 3, hasInfinity: false)
      #expect(isSame(FloatFormats.float(e4m3: UInt8(code)), e4m3))
      let e5m2 = value(code, exponent: 5, mantissa: 2, hasInfinity: true)
      #expect(isSame(FloatFormats.float(e5m2: UInt8(code)), e5m2))
      let e8m0 = code == 255 ? Double.nan : scalbn(1.0, Int32(code - 127))
      #expect(isSame(FloatFormats.float(e8m0: UInt8(code)), e8m0))
    }
    let e2m1: [Float] = [0, 0.5, 1, 1.5, 2, 3, 4, 6]
    for code in 0..<8 {
      #expect(FloatFormats.float(e2m1: UInt8(code)) == e2m1[code])
      #expect(isSame(FloatFormats.float(e2m1: UInt8(code + 8)), -Double(e2m1[code])))
    }
  }

  @Test func everyNumberComesBack() {
    var wrong = 0
    for code in 0...0xffff {
      let bits = UInt16(code)
      let half = FloatFormats.float(f16: bits)
      if !half.isNaN, FloatFormats.f16(half) != bits { wrong += 1 }
      let brain = FloatFormats.float(bf16: bits)
      if !brain.isNaN, FloatFormats.bf16(brain) != bits { wrong += 1 }
    }
    for code in 0...255 {
      let bits = UInt8(code)
      let e4m3 = FloatFormats.float(e4m3: bits)
      if !e4m3.isNaN, FloatFormats.e4m3(e4m3) != bits { wrong += 1 }
      let e5m2 = FloatFormats.float(e5m2: bits)
      if e5m2.isFinite, FloatFormats.e5m2(e5m2) != bits { wrong += 1 }
    }
    #expect(wrong == 0)
  }

  /// Between each two neighbours of a format: the middle goes to the even one, what is next to the
  /// middle to the nearer one.
  private func roundsHalfToEven(
    _ codes: Range<Int>, _ read: (Int) -> Float, _ write: (Float) -> Int
  )
    -> Int
  {
    var wrong = 0
    for code in codes {
      let low = read(code)
      let high = read(code + 1)
      let middle = Float((Double(low) + Double(high)) / 2)
      let even = code % 2 == 0 ? code : code + 1
      if write(middle) != even { wrong += 1 }
      if write(middle.nextDown) != code { wrong += 1 }
      if write(middle.nextUp) != code + 1 { wrong += 1 }
    }
    return wrong
  }

  @Test func roundingIsHalfToEven() {
    #expect(
      roundsHalfToEven(
        0..<0x7bff, { FloatFormats.float(f16: UInt16($0)) }, { Int(FloatFormats.f16($0)) }) == 0)
    #expect(
      roundsHalfToEven(
        1..<0x7f7f, { FloatFormats.float(bf16: UInt16($0)) }, { Int(FloatFormats.bf16($0)) }) == 0)
    #expect(
      roundsHalfToEven(
        0..<0x7e, { FloatFormats.float(e4m3: UInt8($0)) }, { Int(FloatFormats.e4m3($0)) }) == 0)
    #expect(
      roundsHalfToEven(
        0..<0x7b, { FloatFormats.float(e5m2: UInt8($0)) }, { Int(FloatFormats.e5m2($0)) }) == 0)
  }

  @Test func agreesWithTheHardwareType() {
    var wrong = 0
    // Every 4099th float of all exponents and both signs.
    for bits in stride(from: UInt32(0), to: UInt32.max - 4099, by: 4099) {
      let number = Float(bitPattern: bits)
      let expected = Float16(number)
      let found = Float16(bitPattern: FloatFormats.f16(number))
      if expected.isNaN ? !found.isNaN : expected.bitPattern != found.bitPattern { wrong += 1 }
    }
    #expect(wrong == 0)
  }

  @Test func endsOfTheRanges() {
    #expect(FloatFormats.f16(65519.996) == 0x7bff)
    #expect(FloatFormats.f16(65520) == 0x7c00)
    #expect(FloatFormats.f16(.greatestFiniteMagnitude) == 0x7c00)
    #expect(FloatFormats.f16(-.infinity) == 0xfc00)
    #expect(FloatFormats.bf16(.greatestFiniteMagnitude) == 0x7f80)
    #expect(FloatFormats.bf16(-.infinity) == 0xff80)
    for large: Float in [448, 449, 464, 1e30, .infinity] {
      #expect(FloatFormats.e4m3(large) == 0x7e)
      #expect(FloatFormats.e4m3(-large) == 0xfe)
    }
    for large: Float in [57344, 61440, 1e30, .infinity] {
      #expect(FloatFormats.e5m2(large) == 0x7b)
      #expect(FloatFormats.e5m2(-large) == 0xfb)
    }
    for tiny: Float in [.leastNonzeroMagnitude, 1e-30, 0x1p-11] {
      #expect(FloatFormats.e4m3(tiny) == 0)
      #expect(FloatFormats.e4m3(-tiny) == 0x80)
    }
    #expect(FloatFormats.e4m3(0x1p-10) == 0)
    #expect(FloatFormats.e4m3((0x1p-10 as Float).nextUp) == 1)
  }

  @Test func notANumberStays() {
    for odd: Float in [.nan, -.nan, .signalingNaN, Float(bitPattern: 0x7f80_0001)] {
      #expect(FloatFormats.float(f16: FloatFormats.f16(odd)).isNaN)
      #expect(FloatFormats.float(bf16: FloatFormats.bf16(odd)).isNaN)
      #expect(FloatFormats.float(e4m3: FloatFormats.e4m3(odd)).isNaN)
      #expect(FloatFormats.float(e5m2: FloatFormats.e5m2(odd)).isNaN)
    }
  }

  @Test(arguments: [DType.f32, .f16, .bf16, .f8e4m3, .f8e5m2])
  func bulkIsLikeOneByOne(type: DType) {
    let numbers = (0..<1000).map { Float($0 - 500) * 0.37 }
    // One byte off, so that nothing is aligned.
    var bytes = [UInt8](repeating: 0, count: 1 + 1000 * type.bits / 8)
    var back = [Float](repeating: 0, count: 900)
    bytes.withUnsafeMutableBytes { bytes in
      guard let base = bytes.baseAddress else { return }
      numbers.withUnsafeBufferPointer { FloatFormats.encode($0, as: type, into: base + 1) }
      back.withUnsafeMutableBufferPointer { output in
        guard let target = output.baseAddress else { return }
        FloatFormats.decode(
          type, at: UnsafeRawPointer(base + 1), elements: 50..<950, into: target)
      }
    }
    let expected = numbers[50..<950].map { number -> Float in
      switch type {
      case .f16: FloatFormats.float(f16: FloatFormats.f16(number))
      case .bf16: FloatFormats.float(bf16: FloatFormats.bf16(number))
      case .f8e4m3: FloatFormats.float(e4m3: FloatFormats.e4m3(number))
      case .f8e5m2: FloatFormats.float(e5m2: FloatFormats.e5m2(number))
      default: number
      }
    }
    #expect(back == expected)
  }
}
