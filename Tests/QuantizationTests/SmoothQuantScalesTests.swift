import Platform
import Quantization
import Tensors
import Testing

@Suite struct SmoothQuantScalesTests {
  private func dense(_ values: [Float], columns: Int) throws -> DenseWeight {
    try DenseWeight(
      TensorView(dtype: .f32, shape: [values.count / columns, columns], copying: values))
  }

  @Test func theLargestWeightOverAllLayersCounts() throws {
    let first = try dense([1, -2, 0.5, 0.1], columns: 2)
    let second = try dense([-3, 1], columns: 2)
    #expect(SmoothQuantScales.weightMaxima(of: [first, second]) == [3, 2])
    #expect(SmoothQuantScales.weightMaxima(of: []) == [])
  }

  @Test func theFormula() {
    let scales = SmoothQuantScales.scales(inputs: [16, 4, 0], weights: [4, 1, 0], alpha: 0.5)
    #expect(scales[0] == 2 && scales[1] == 2)
    // Both floors of the reference: 1e-5 under the weight, then under the scale.
    #expect(scales[2] == 1e-5)
    #expect(SmoothQuantScales.scales(inputs: [8], weights: [2], alpha: 1) == [8])
    #expect(SmoothQuantScales.scales(inputs: [8], weights: [2], alpha: 0) == [0.5])
  }

  @Test func scalesMultiply() throws {
    let first = LayerScales(input: [2, 4])
    let second = LayerScales(input: [0.5, 3], output: [7])
    let both = first.composed(with: second)
    #expect(both.input == [1, 12] && both.output == [7])
    #expect(LayerScales().composed(with: first) == first)
    let weight = try dense([1, 1], columns: 2)
    let twice = try second.applied(to: first.applied(to: weight)).dequantized()
    let once = try both.applied(to: weight).dequantized()
    #expect(zip(twice, once).allSatisfy { abs($0 - $1) < 1e-6 })
  }

  @Test func rangesOfChannels() {
    var ranges = ChannelRanges(columns: 2, expected: 3, sampled: 3)
    ranges.add([1, -8, 2, 4], tokens: 2)
    ranges.add([-3, 0], tokens: 1)
    #expect(ranges.lowest == [-3, -8] && ranges.highest == [2, 4])
    #expect(ranges.magnitudes == [3, 8])
    #expect(ranges.range() == ActivationRange(lowest: -8, highest: 4))
    #expect(ranges.range(dividedBy: [1, 4]) == ActivationRange(lowest: -3, highest: 2))
    #expect(ranges.sample.tokens == 3)
    ranges.add([.nan, 0], tokens: 1)
    #expect(!ranges.range().lowest.isFinite)
  }
}
