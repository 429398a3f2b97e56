import Tensors
import Testing

@Suite struct ActivationRangeTests {
  private static let codes: [FixedCode] = [
    .symmetricInt8, .asymmetricInt8, .float8(type: .f8e4m3), .float8(type: .f8e5m2),
  ]

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
    let fixed = ActivationRange(lowest: 0, highest: 0).fixedScale(as: code)
    #expect(fixed.scale >= ActivationRange.smallestScale)
    #expect(fixed.scale * code.largest < 1e-20)
  }
}
