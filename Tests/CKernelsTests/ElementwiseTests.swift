import CKernels
import Glibc
import Testing

// Tolerances: relative L2 error against double, for every version.

/// Sums, products and one square root.
private let arithmeticTolerance = 1e-6
/// Anything after an exponential in single precision.
private let exponentialTolerance = 2e-6

/// All functions of one version, as a kernel table would hold them.
private struct Version: CustomTestStringConvertible, Sendable {
  let testDescription: String
  let rmsNorm:
    @Sendable @convention(c) (
      UnsafePointer<Float>?, Int, UnsafePointer<Float>?, Float, UnsafeMutablePointer<Float>?, Int,
      Int, Int
    ) -> Void
  let addRMSNorm:
    @Sendable @convention(c) (
      UnsafeMutablePointer<Float>?, Int, UnsafePointer<Float>?, Int, UnsafePointer<Float>?, Float,
      UnsafeMutablePointer<Float>?, Int, Int, Int
    ) -> Void
  let headRMSNorm:
    @Sendable @convention(c) (
      UnsafeMutablePointer<Float>?, Int, Int, Int, Int, Int, UnsafePointer<Float>?, Float
    ) -> Void
  let rope:
    @Sendable @convention(c) (
      UnsafeMutablePointer<Float>?, Int, Int, Int, Int, Int, UnsafePointer<Float>?,
      UnsafePointer<Float>?, Int
    ) -> Void
  let swiglu:
    @Sendable @convention(c) (
      UnsafePointer<Float>?, Int, UnsafePointer<Float>?, Int, UnsafeMutablePointer<Float>?, Int,
      Int,
      Int
    ) -> Void
  typealias Binary =
    @Sendable @convention(c) (
      UnsafePointer<Float>?, UnsafePointer<Float>?, UnsafeMutablePointer<Float>?, Int
    ) -> Void
  let add: Binary
  typealias Narrow =
    @Sendable @convention(c) (
      UnsafePointer<Float>?, UnsafeMutablePointer<UInt16>?, Int
    ) -> Void
  let toBF16: Narrow

  static let all: [Version] = {
    var found = [
      Version(
        testDescription: "generic", rmsNorm: nk_rms_norm_generic,
        addRMSNorm: nk_add_rms_norm_generic, headRMSNorm: nk_head_rms_norm_generic,
        rope: nk_rope_generic, swiglu: nk_swiglu_generic, add: nk_add_generic,
        toBF16: nk_f32_to_bf16_generic)
    ]
    #if arch(x86_64)
      if nk_provider_supported(NK_PROVIDER_AVX2) != 0 {
        found.append(
          Version(
            testDescription: "avx2", rmsNorm: nk_rms_norm_avx2, addRMSNorm: nk_add_rms_norm_avx2,
            headRMSNorm: nk_head_rms_norm_avx2, rope: nk_rope_avx2, swiglu: nk_swiglu_avx2,
            add: nk_add_avx2, toBF16: nk_f32_to_bf16_avx2))
      }
      if nk_provider_supported(NK_PROVIDER_AVX512) != 0 {
        found.append(
          Version(
            testDescription: "avx512", rmsNorm: nk_rms_norm_avx512,
            addRMSNorm: nk_add_rms_norm_avx512, headRMSNorm: nk_head_rms_norm_avx512,
            rope: nk_rope_avx512, swiglu: nk_swiglu_avx512, add: nk_add_avx512,
            toBF16: nk_f32_to_bf16_avx512))
      }
    #endif
    return found
  }()
}

/// Lengths around every vector width and unrolling in use.
private let lengths = [1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 576]

struct ElementwiseTests {
  private func norm(_ x: [Float], _ weight: [Float]?, _ epsilon: Double) -> [Double] {
    let squares = x.reduce(0.0) { $0 + Double($1) * Double($1) }
    let factor = 1 / (squares / Double(x.count) + epsilon).squareRoot()
    return x.indices.map { Double(x[$0]) * factor * Double(weight?[$0] ?? 1) }
  }

  @Test(arguments: Version.all)
  fileprivate func rmsNormScalesEachRow(version: Version) {
    var numbers = SeededNumbers(seed: 1)
    for n in lengths {
      let x = numbers.normals(3 * (n + 2))
      let weight = numbers.normals(n)
      var out = [Float](repeating: .nan, count: 3 * (n + 1))
      version.rmsNorm(x, n + 2, weight, 1e-5, &out, n + 1, 3, n)
      for r in 0..<3 {
        let expected = norm(Array(x[(r * (n + 2))..<(r * (n + 2) + n)]), weight, 1e-5)
        let found = out[(r * (n + 1))..<(r * (n + 1) + n)]
        #expect(relativeError(Array(found), expected) < arithmeticTolerance)
        #expect(out[r * (n + 1) + n].isNaN)
      }
      version.rmsNorm(x, n + 2, nil, 1e-5, &out, n + 1, 1, n)
      #expect(
        relativeError(Array(out[..<n]), norm(Array(x[..<n]), nil, 1e-5)) < arithmeticTolerance)
    }
    var zero = [Float](repeating: 0, count: 20)
    let input = zero
    version.rmsNorm(input, 20, nil, 1e-6, &zero, 20, 1, 20)
    #expect(zero.allSatisfy { $0 == 0 })
  }

  @Test(arguments: Version.all)
  fileprivate func addRMSNormUpdatesTheResidual(version: Version) {
    var numbers = SeededNumbers(seed: 2)
    for n in lengths {
      let before = numbers.normals(2 * n)
      let delta = numbers.normals(2 * n)
      let weight = numbers.normals(n)
      var residual = before
      var out = [Float](repeating: .nan, count: 2 * n)
      version.addRMSNorm(&residual, n, delta, n, weight, 1e-6, &out, n, 2, n)
      #expect(residual == zip(before, delta).map { $0 + $1 })
      for r in [0..<n, n..<2 * n] {
        let expected = norm(Array(residual[r]), weight, 1e-6)
        #expect(relativeError(Array(out[r]), expected) < arithmeticTolerance)
      }
    }
  }

  @Test(arguments: Version.all, [8, 64, 80, 100])
  fileprivate func headRMSNormTouchesOnlyItsHeads(version: Version, dim: Int) {
    var numbers = SeededNumbers(seed: 3)
    let before = numbers.normals(2 * 300)
    let weight = numbers.normals(dim)
    var x = before
    version.headRMSNorm(&x, 300, dim + 1, 2, 2, dim, weight, 1e-6)
    for t in 0..<2 {
      for h in 0..<2 {
        let range = (t * 300 + h * (dim + 1))..<(t * 300 + h * (dim + 1) + dim)
        let expected = norm(Array(before[range]), weight, 1e-6)
        #expect(relativeError(Array(x[range]), expected) < arithmeticTolerance)
        #expect(x[range.upperBound] == before[range.upperBound])
      }
    }
  }

  @Test(arguments: Version.all, [2, 8, 24, 64, 80, 128])
  fileprivate func ropeRotatesPairs(version: Version, rotary: Int) {
    var numbers = SeededNumbers(seed: 4)
    let half = rotary / 2
    let angles = numbers.normals(6 * half, scale: 3)
    let cosine = angles.map { cosf($0) }
    let sine = angles.map { sinf($0) }
    let dim = rotary + 4
    let before = numbers.normals(2 * 3 * dim)
    var x = before
    version.rope(&x, 3 * dim, dim, 2, 3, rotary, cosine, sine, 4)
    var expected = before.map(Double.init)
    for t in 0..<2 {
      for h in 0..<3 {
        for i in 0..<half {
          let a = (t * 3 + h) * dim + i
          let c = Double(cosine[(4 + t) * half + i])
          let s = Double(sine[(4 + t) * half + i])
          expected[a] = Double(before[a]) * c - Double(before[a + half]) * s
          expected[a + half] = Double(before[a + half]) * c + Double(before[a]) * s
        }
      }
    }
    #expect(relativeError(x, expected) < arithmeticTolerance)
    // Channels after the rotary part stay as they are.
    #expect(x[rotary..<dim] == before[rotary..<dim])
  }

  @Test(arguments: Version.all)
  fileprivate func swigluIsSiluTimesUp(version: Version) {
    var numbers = SeededNumbers(seed: 5)
    for n in lengths {
      var gate = numbers.normals(2 * n, scale: 4)
      let up = numbers.normals(2 * n)
      if n > 4 { gate.replaceSubrange(0..<4, with: [-200, 200, 0, -80]) }
      var out = [Float](repeating: .nan, count: 2 * n)
      version.swiglu(gate, n, up, n, &out, n, 2, n)
      let expected = zip(gate, up).map { Double($0) / (1 + exp(-Double($0))) * Double($1) }
      #expect(relativeError(out, expected) < exponentialTolerance)
    }
  }

  @Test(arguments: Version.all)
  fileprivate func arithmeticIsExact(version: Version) {
    var numbers = SeededNumbers(seed: 6)
    for n in lengths {
      let a = numbers.normals(n)
      let b = numbers.normals(n)
      var out = [Float](repeating: .nan, count: n + 1)
      version.add(a, b, &out, n)
      #expect(Array(out[..<n]) == zip(a, b).map { $0 + $1 })
      #expect(out[n].isNaN)
    }
  }

  @Test(arguments: Version.all)
  fileprivate func everyHalfConverts(version: Version) {
    let halves = (0...UInt16.max).map { $0 }
    let wide = halves.map { Float(bitPattern: UInt32($0) << 16) }
    var back = [UInt16](repeating: 0, count: halves.count)
    version.toBF16(wide, &back, wide.count)
    #expect(zip(back, halves).allSatisfy { $0 == $1 || $1 & 0x7fff > 0x7f80 })
  }

  @Test(arguments: Version.all)
  fileprivate func conversionsRoundToNearestEven(version: Version) {
    var numbers = SeededNumbers(seed: 9)
    // Random bit patterns reach subnormals, overflows and NaN; the rest are exact ties.
    var x = (0..<20_001).map { _ in Float(bitPattern: UInt32(truncatingIfNeeded: numbers.bits())) }
    x += numbers.normals(5000) + numbers.normals(5000, scale: 1e-6)
    x += [
      65519.9, 65520, -65520, 1 + 0x1p-11, 1 + 0x3p-11, 0x1p-25, 0x3p-25, 1 + 0x1p-8, 1 + 0x3p-8,
    ]
    var half = [UInt16](repeating: 0, count: x.count)
    version.toBF16(x, &half, x.count)
    for (h, value) in zip(half, x) {
      let found = Float(bitPattern: UInt32(h) << 16)
      if value.isNaN {
        #expect(found.isNaN)
        continue
      }
      // The nearest of the two neighbours; of equals the even one.
      let below = Float(bitPattern: value.bitPattern & 0xffff_0000)
      let above = Float(bitPattern: (value.bitPattern & 0xffff_0000) &+ 0x1_0000)
      let rest = value.bitPattern & 0xffff
      let odd = value.bitPattern & 0x1_0000 != 0
      #expect(found == (rest > 0x8000 || (rest == 0x8000 && odd) ? above : below))
    }
  }

}
