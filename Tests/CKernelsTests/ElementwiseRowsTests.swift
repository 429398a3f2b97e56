import CKernels
import Glibc
import Testing

/// Relative error of sums in double over single precision exponentials.
private let exponentialTolerance = 1e-6

/// Reductions over a row, as a kernel table would hold them.
private struct Version: CustomTestStringConvertible, Sendable {
  let testDescription: String
  let argmax: @Sendable @convention(c) (UnsafePointer<Float>?, Int) -> Int
  let logSumExp: @Sendable @convention(c) (UnsafePointer<Float>?, Int) -> Double
  let compare:
    @Sendable @convention(c) (UnsafePointer<Float>?, UnsafePointer<Float>?, Int) -> nk_error_sums
  let klRow:
    @Sendable @convention(c) (UnsafePointer<Float>?, UnsafePointer<Float>?, Int, Int) ->
      nk_kl_result

  static let all: [Version] = {
    var found = [
      Version(
        testDescription: "generic", argmax: nk_argmax_generic,
        logSumExp: nk_log_sum_exp_generic, compare: nk_compare_generic, klRow: nk_kl_row_generic)
    ]
    #if arch(x86_64)
      if nk_provider_supported(NK_PROVIDER_AVX2) != 0 {
        found.append(
          Version(
            testDescription: "avx2", argmax: nk_argmax_avx2,
            logSumExp: nk_log_sum_exp_avx2, compare: nk_compare_avx2, klRow: nk_kl_row_avx2))
      }
      if nk_provider_supported(NK_PROVIDER_AVX512) != 0 {
        found.append(
          Version(
            testDescription: "avx512", argmax: nk_argmax_avx512,
            logSumExp: nk_log_sum_exp_avx512, compare: nk_compare_avx512,
            klRow: nk_kl_row_avx512))
      }
    #endif
    return found
  }()
}

struct ElementwiseRowsTests {
  @Test(arguments: Version.all)
  fileprivate func argmaxTakesTheFirstOfEquals(version: Version) {
    var numbers = SeededNumbers(seed: 1)
    for n in [1, 5, 8, 16, 17, 40, 1000] {
      var x = numbers.normals(n)
      let best = (0..<n).max { x[$0] < x[$1] } ?? 0
      #expect(version.argmax(x, n) == best)
      x[n - 1] = 50
      #expect(version.argmax(x, n) == n - 1)
      x[n / 2] = 50
      #expect(version.argmax(x, n) == n / 2)
      x[n / 2] = .nan
      #expect(version.argmax(x, n) == (n == 1 ? 0 : n - 1))
      let low = [Float](repeating: -.infinity, count: n)
      #expect(version.argmax(low, n) == 0)
      #expect(version.argmax([Float](repeating: .nan, count: n), n) == 0)
    }
    #expect(version.argmax([.nan, -.infinity, -.infinity], 3) == 1)
    #expect(version.argmax([], 0) == 0)
  }

  @Test(arguments: Version.all)
  fileprivate func logSumExpMatchesDouble(version: Version) {
    var numbers = SeededNumbers(seed: 2)
    for n in [1, 5, 16, 33, 1000, 49_153] {
      let x = numbers.normals(n, scale: 5).map { $0 - 300 }
      let largest = Double(x.max() ?? 0)
      let expected = largest + log(x.reduce(0.0) { $0 + exp(Double($1) - largest) })
      #expect(abs(version.logSumExp(x, n) - expected) < exponentialTolerance)
    }
    #expect(version.logSumExp([], 0) == -.infinity)
    #expect(version.logSumExp([-.infinity, -.infinity], 2) == -.infinity)
  }

  @Test(arguments: Version.all)
  fileprivate func errorSumsAreAccurateAsDoubles(version: Version) {
    var numbers = SeededNumbers(seed: 3)
    for n in [0, 1, 9, 64, 1001] {
      let a = numbers.normals(n, scale: 100)
      let b = a.map { $0 + 1e-3 }
      let found = version.compare(a, b, n)
      var expected = (0.0, 0.0, 0.0)
      for (x, y) in zip(a, b) {
        expected.0 += (Double(x) - Double(y)) * (Double(x) - Double(y))
        expected.1 += Double(x) * Double(x)
        expected.2 += Double(x) * Double(y)
      }
      #expect(abs(found.squared_error - expected.0) <= 1e-12 * expected.0)
      #expect(abs(found.squared_reference - expected.1) <= 1e-12 * expected.1)
      #expect(abs(found.dot - expected.2) <= 1e-12 * abs(expected.2) + 1e-12)
    }
  }

  /// The plain definition in double, on log-probabilities.
  private func divergence(_ base: [Float], _ other: [Float]) -> Double {
    func logProbabilities(_ x: [Float]) -> [Double] {
      let largest = Double(x.max() ?? 0)
      let lse = largest + log(x.reduce(0.0) { $0 + exp(Double($1) - largest) })
      return x.map { Double($0) - lse }
    }
    return zip(logProbabilities(base), logProbabilities(other)).reduce(0.0) {
      $1.0 > -16 ? $0 + exp($1.0) * ($1.0 - $1.1) : $0
    }
  }

  @Test(arguments: Version.all)
  fileprivate func divergenceMatchesDouble(version: Version) {
    var numbers = SeededNumbers(seed: 4)
    for n in [1, 3, 16, 17, 1000, 50_001] {
      for difference: Float in [0, 1e-3, 0.1, 2] {
        let base = numbers.normals(n, scale: 6)
        let other = base.map { $0 + 40 + difference * numbers.normal() }
        let expected = divergence(base, other)
        let found = version.klRow(base, other, n, n / 2)
        #expect(abs(found.kl - expected) < exponentialTolerance * (1 + expected))
        #expect(abs(found.base_nll + log(found.base_target_probability)) < 1e-9)
        #expect(found.base_top == UInt32(version.argmax(base, n)))
        #expect(found.other_top == UInt32(version.argmax(other, n)))
        #expect((found.same_top == 1) == (found.base_top == found.other_top))
        #expect(
          abs(found.other_nll - (version.logSumExp(other, n) - Double(other[n / 2]))) < 1e-9)
      }
    }
  }

  @Test(arguments: Version.all)
  fileprivate func tokensWithoutMassDoNotCount(version: Version) {
    // The base gives the last token e^-30; the other row forbids it altogether.
    let base: [Float] = [0, 0, 0, -30]
    let other: [Float] = [0, 0, 0, -.infinity]
    let found = version.klRow(base, other, 4, 0)
    #expect(abs(found.kl) < 1e-9)
    #expect(abs(found.base_nll - log(3)) < 1e-6)
    #expect(found.same_top == 1)
    // A token the base finds likely and the other forbids is an infinite divergence.
    #expect(version.klRow([0, 0], [0, -.infinity], 2, 0).kl == .infinity)
  }
}
