import CKernels
import Testing

/// How far a rank update may be from one in float64: relative L2 error, for every version.
private let updateTolerance = 1e-6
private let wideUpdateTolerance = 1e-14
/// How far `inverse A inverse^T` may be from the identity.
private let factorTolerance = 1e-10

/// The calibration kernels of one version.
private struct Version: CustomTestStringConvertible, Sendable {
  let testDescription: String
  let update:
    @Sendable @convention(c) (
      Int, Int, UnsafePointer<Float>?, Int, Int, UnsafePointer<Float>?, Float,
      UnsafeMutablePointer<Float>?
    ) -> Void
  let wideUpdate:
    @Sendable @convention(c) (
      Int, Int, UnsafePointer<Double>?, Int, Int, UnsafePointer<Double>?, Double,
      UnsafeMutablePointer<Double>?
    ) -> Void
  let inverseFactor:
    @Sendable @convention(c) (UnsafeMutablePointer<Double>?, Int, UnsafeMutablePointer<Double>?) ->
      Int32
  let round: @Sendable @convention(c) (UnsafePointer<nk_gptq_block>?) -> Void

  static let generic = Version(
    testDescription: "generic", update: nk_panel_update_f32_generic,
    wideUpdate: nk_panel_update_f64_generic, inverseFactor: nk_inverse_factor_f64_generic,
    round: nk_gptq_round_generic)

  /// The versions this machine can run.
  static let all: [Version] = {
    var found = [generic]
    #if arch(x86_64)
      if nk_provider_supported(NK_PROVIDER_AVX2) != 0 {
        found.append(
          Version(
            testDescription: "avx2", update: nk_panel_update_f32_avx2,
            wideUpdate: nk_panel_update_f64_avx2, inverseFactor: nk_inverse_factor_f64_avx2,
            round: nk_gptq_round_avx2))
      }
      if nk_provider_supported(NK_PROVIDER_AVX512) != 0 {
        found.append(
          Version(
            testDescription: "avx512", update: nk_panel_update_f32_avx512,
            wideUpdate: nk_panel_update_f64_avx512, inverseFactor: nk_inverse_factor_f64_avx512,
            round: nk_gptq_round_avx512))
      }
    #endif
    return found
  }()
}

@Suite struct CalibrationTests {
  private static let strip = Int(NK_STRIP)
  private static let lanes = Int(NK_PANEL_FLOATS)

  @Test(arguments: Version.all, [(1, 0), (1, 1), (2, 3), (3, 17), (6, 130)])
  private func updatesAddAProduct(_ version: Version, _ size: (strips: Int, depth: Int)) {
    let (strips, depth) = size
    // Steps that are no multiples of anything: the kernel may read nothing but what it is told to.
    for (step, jump, sign) in [(8, 8 * depth + 3, 1.0), (8 * strips + 5, 8, -1.0)] {
      var generator = SeededNumbers(seed: UInt64(1000 * depth + step))
      let left = generator.normals(strips * jump + depth * step + 8).map(Double.init)
      for width in [Int(NK_PANEL_FLOATS), Int(NK_PANEL_DOUBLES)] {
        let right = generator.normals(depth * width).map(Double.init)
        let before = generator.normals(strips * 8 * width).map(Double.init)
        var expected = before
        for row in 0..<strips * 8 {
          for column in 0..<width {
            for k in 0..<depth {
              expected[row * width + column] +=
                sign * left[row / 8 * jump + k * step + row % 8] * right[k * width + column]
            }
          }
        }
        if width == Int(NK_PANEL_FLOATS) {
          var found = before.map { Float($0) }
          version.update(
            strips, depth, left.map { Float($0) }, step, jump, right.map { Float($0) }, Float(sign),
            &found)
          #expect(relativeError(found, expected) < updateTolerance)
        } else {
          var found = before
          version.wideUpdate(strips, depth, left, step, jump, right, sign, &found)
          #expect(relativeError(found, expected) < wideUpdateTolerance)
        }
      }
    }
  }

  @Test(arguments: Version.all, [1, 2, 7, 24, 61])
  private func inverseFactorsUndoTheMatrix(_ version: Version, _ size: Int) {
    let matrix = positiveDefinite(size)
    var found = matrix
    var row = [Double](repeating: 0, count: size)
    #expect(version.inverseFactor(&found, size, &row) == 1)
    var worst = 0.0
    for first in 0..<size {
      for second in 0..<size {
        var sum = 0.0
        for i in 0..<size {
          for j in 0..<size {
            sum += found[first * size + i] * matrix[i * size + j] * found[second * size + j]
          }
        }
        worst = max(worst, abs(sum - (first == second ? 1 : 0)))
        if second > first { #expect(found[first * size + second] == 0) }
      }
    }
    #expect(worst < factorTolerance)
  }

  @Test(arguments: Version.all)
  private func matricesThatAreNotPositiveDefiniteAreRefused(_ version: Version) {
    for spoiled in [-1, 0, Double.nan, .infinity] {
      for place in [0, 3, 8] {
        var matrix = positiveDefinite(9)
        matrix[place * 10] = spoiled
        var row = [Double](repeating: 0, count: 9)
        #expect(version.inverseFactor(&matrix, 9, &row) == 0)
      }
    }
  }

  @Test(arguments: Version.all, [(0, 1), (0, 8), (3, 20), (16, 37)])
  private func roundingGivesTheSameBits(_ version: Version, _ block: (begin: Int, end: Int)) {
    for middle in [-1, Float(8)] {
      var expected = Rounding(block.begin..<block.end, middle: middle)
      var found = expected
      expected.run(Version.generic.round)
      found.run(version.round)
      #expect(found.codes == expected.codes)
      #expect(found.errors == expected.errors)
      #expect(found.values == expected.values)
      #expect(found.losses == expected.losses)
      #expect(Set(found.codes).count > 8)
    }
  }

  @Test(arguments: Version.all) private func roundingFollowsItsDefinition(_ version: Version) {
    var sample = Rounding(5..<19, middle: -1)
    var values = sample.values.map(Double.init)
    sample.run(version.round)
    for position in 5..<19 {
      for lane in 0..<Self.lanes {
        let place = sample.place(position, lane)
        let (scale, zero) = (Double(sample.scales[place]), Double(sample.zeros[place]))
        let value = values[position * Self.lanes + lane]
        let code = max(0, min(15, (value / scale).rounded(.toNearestOrEven) + zero))
        let index = (position - 5) * Self.lanes + lane
        // Where float32 falls on the other side of an edge, what follows differs with it.
        let found = Double(sample.codes[index])
        #expect(abs(found - code) <= 1)
        let error = (value - scale * (found - zero)) / sample.factor(position, position)
        #expect(abs(error - Double(sample.errors[index])) < 1e-4)
        for later in position + 1..<19 {
          values[later * Self.lanes + lane] -= error * sample.factor(position, later)
        }
      }
    }
  }

  private func positiveDefinite(_ size: Int) -> [Double] {
    var generator = SeededNumbers(seed: UInt64(size))
    let rows = generator.normals(2 * size * size).map(Double.init)
    var matrix = [Double](repeating: 0, count: size * size)
    for first in 0..<size {
      for second in 0..<size {
        for row in 0..<2 * size {
          matrix[first * size + second] += rows[row * size + first] * rows[row * size + second]
        }
      }
    }
    return matrix
  }
}

/// A chunk of random rows before a block of it is rounded, in 4 bits and groups of 8.
private struct Rounding {
  static let lanes = Int(NK_PANEL_FLOATS)
  static let columns = 40

  let block: Range<Int>
  let middle: Float
  var values: [Float]
  let inverse: [Float]
  let groups: [UInt32]
  let scales: [Float]
  let zeros: [Float]
  var errors: [Float]
  var codes: [UInt8]
  var losses: [Double]

  init(_ block: Range<Int>, middle: Float) {
    self.block = block
    self.middle = middle
    var generator = SeededNumbers(seed: UInt64(block.count))
    values = generator.normals(Self.columns * Self.lanes)
    var inverse = generator.normals(nk_gptq_panel(Self.columns / 8), scale: 0.2)
    for column in 0..<Self.columns {
      inverse[nk_gptq_panel(column / 8) + column * 8 + column % 8] =
        1 + Float(generator.bits() % 100) / 100
    }
    self.inverse = inverse
    groups = (0..<Self.columns).map { UInt32($0 / 8) }
    scales = (0..<Self.columns / 8 * Self.lanes).map { _ in
      0.1 + Float(generator.bits() % 100) / 500
    }
    zeros = scales.map { _ in Float(generator.bits() % 16) }
    errors = [Float](repeating: 0, count: block.count * Self.lanes)
    codes = [UInt8](repeating: 0, count: block.count * Self.lanes)
    losses = [Double](repeating: 1, count: Self.lanes)
  }

  /// Where the grid of a position and lane lies.
  func place(_ position: Int, _ lane: Int) -> Int { Int(groups[position]) * Self.lanes + lane }

  func factor(_ row: Int, _ column: Int) -> Double {
    Double(inverse[nk_gptq_panel(column / 8) + row * 8 + column % 8])
  }

  mutating func run(_ round: (UnsafePointer<nk_gptq_block>?) -> Void) {
    values.withUnsafeMutableBufferPointer { values in
      errors.withUnsafeMutableBufferPointer { errors in
        codes.withUnsafeMutableBufferPointer { codes in
          losses.withUnsafeMutableBufferPointer { losses in
            inverse.withUnsafeBufferPointer { inverse in
              groups.withUnsafeBufferPointer { groups in
                scales.withUnsafeBufferPointer { scales in
                  zeros.withUnsafeBufferPointer { zeros in
                    var step = nk_gptq_block(
                      begin: block.lowerBound, end: block.upperBound, values: values.baseAddress,
                      inverse: inverse.baseAddress, groups: groups.baseAddress,
                      scales: scales.baseAddress, zeros: zeros.baseAddress, steps: 15,
                      middle: middle, errors: errors.baseAddress, codes: codes.baseAddress,
                      losses: losses.baseAddress)
                    round(&step)
                  }
                }
              }
            }
          }
        }
      }
    }
  }
}
