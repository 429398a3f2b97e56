import Platform
import Tensors
import Testing

@Suite struct ActivationRangeTests {
  private static let codes: [FixedCode] = [
    .symmetricInt8, .asymmetricInt8, .float8(type: .f8e4m3), .float8(type: .f8e5m2),
  ]

  /// What is written as a scale and read again is the range that was measured with, bit for bit.
  @Test(arguments: codes) func settledRangesComeBack(code: FixedCode) {
    var generator = SeededGenerator(seed: 1)
    for _ in 0..<2000 {
      let size = Float.random(in: 1e-6...1e6, using: &generator)
      let range = ActivationRange(
        lowest: -size * Float.random(in: 0...1, using: &generator),
        highest: size * Float.random(in: 0...1, using: &generator))
      let settled = range.settled(as: code)
      #expect(ActivationRange(settled.fixedScale(as: code), as: code) == settled)
      // It still holds the range, but for a step of the code.
      let step = code == .asymmetricInt8 ? settled.fixedScale(as: code).scale : size * 1e-5
      #expect(settled.lowest <= range.lowest + step && settled.highest >= range.highest - step)
    }
  }

  @Test func scalesAreThoseOfKernels() {
    let range = ActivationRange(lowest: -2, highest: 5.1)
    #expect(range.fixedScale(as: .symmetricInt8).scale == 5.1 / 127)
    #expect(range.fixedScale(as: .float8(type: .f8e4m3)).scale == 5.1 / 448)
    let shifted = range.fixedScale(as: .asymmetricInt8)
    #expect(abs(shifted.scale - 7.1 / 255) < 1e-8)
    #expect(shifted.zero == Int((-128 + 2 / shifted.scale).rounded(.toNearestOrEven)))
    // One-sided ranges hold 0 all the same.
    #expect(ActivationRange(lowest: 1, highest: 2).fixedScale(as: .asymmetricInt8).zero == -128)
    #expect(ActivationRange(lowest: -2, highest: -1).fixedScale(as: .asymmetricInt8).zero == 127)
  }

  @Test(arguments: codes) func nothingHasAScale(code: FixedCode) {
    let settled = ActivationRange(lowest: 0, highest: 0).settled(as: code)
    #expect(settled.fixedScale(as: code).scale >= ActivationRange.smallestScale)
    #expect(settled.highest < 1e-20)
  }
}
