import Platform
import Quantization
import Testing

@Suite struct OutlierThresholdTests {
  /// Channels as they reach without outliers: a factor of 3 between near and far.
  private static func ordinary(_ count: Int = 1000) -> [Float] {
    var generator = SeededGenerator(seed: 4)
    return (0..<count).map { _ in 1 + 2 * Float(generator.uniform()) }
  }

  @Test(arguments: [8, 32, 128] as [Float]) func plantedChannelsAreToldApart(factor: Float) {
    var maxima = Self.ordinary()
    for channel in 0..<12 { maxima[channel * 70] *= factor }
    let planted = Set((0..<12).map { $0 * 70 })
    let found = OutlierThreshold(maxima: maxima)
    let value = found.value ?? 0
    #expect(found.columns == 12)
    #expect(Set(maxima.indices.filter { Double(maxima[$0]) >= value }) == planted)
    #expect(found.gap > Double(factor) / 3 - 1e-6)
  }

  @Test func scaleDoesNotMatter() throws {
    var maxima = Self.ordinary()
    for channel in 0..<12 { maxima[channel * 70] *= 32 }
    let small = try #require(OutlierThreshold(maxima: maxima.map { $0 / 64 }).value)
    #expect(small * 64 == OutlierThreshold(maxima: maxima).value)
  }

  @Test func oneFartherThanTheRestDoesNotHideTheOthers() {
    var maxima = Self.ordinary()
    for channel in 0..<12 { maxima[channel * 70] = 40 + Float(channel) }
    maxima[0] = 4000
    let found = OutlierThreshold(maxima: maxima)
    #expect(found.columns == 12)
    #expect(3..<40 ~= found.value ?? 0)
  }

  @Test func withoutOutliersThereIsNoThreshold() {
    #expect(OutlierThreshold(maxima: Self.ordinary()).value == nil)
    #expect(OutlierThreshold(maxima: [Float](repeating: 2, count: 100)).value == nil)
    #expect(OutlierThreshold(maxima: [Float](repeating: 0, count: 100)).value == nil)
    #expect(OutlierThreshold(maxima: []).value == nil)
    #expect(OutlierThreshold(maxima: [5]).value == nil)
  }

  @Test func aboveNothingHalfOfTheSmallestIsTaken() {
    var maxima = [Float](repeating: 0, count: 100)
    maxima[7] = 12
    let found = OutlierThreshold(maxima: maxima)
    #expect(found.value == 6 && found.columns == 1)
    #expect(found.farthest == .infinity && found.gap == .infinity)
  }
}
