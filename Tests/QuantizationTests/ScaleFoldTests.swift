import Models
import Platform
import Quantization
import Tensors
import Testing

@Suite struct ScaleFoldTests {
  static let pairs = BlockPlan.gated(
    hidden: 24, heads: 6, kvHeads: 2, headDimension: 4, intermediate: 16
  ).scalePairs

  @Test(arguments: ScaleType.allCases) func normsGiveWhatTheyCanStore(_ type: ScaleType) {
    var generator = SeededGenerator(seed: 30)
    let pair = Self.pairs[0]
    let before = generator.normals(24).map { type.rounded($0.magnitude) * ($0 < 0 ? -1 : 1) }
    let scales = generator.normals(24).map { ($0 * 0.7 + 1.5).magnitude + 0.1 }
    let weights = generator.normals(5 * 24)
    var gains = before
    let fold = ScaleFold(scales, over: pair, dividing: &gains, as: type)
    var columns = weights
    fold.multiplyColumns(of: &columns)
    let precision: Float = type == .f32 ? 1e-6 : type == .f16 ? 0x1p-11 : 0x1p-8
    for channel in 0..<24 {
      #expect(type.rounded(gains[channel].magnitude) == gains[channel].magnitude)
      #expect(abs(gains[channel] * scales[channel] / before[channel] - 1) <= precision)
      #expect(abs(fold.targetScales[channel] / scales[channel] - 1) <= precision)
      for row in 0..<5 {
        let place = row * 24 + channel
        let product = gains[channel] * columns[place]
        #expect(abs(product / (before[channel] * weights[place]) - 1) < 1e-6)
      }
    }
  }

  @Test func gainsOfZeroAndScalesBeyondTheTypeAreLeftSafe() {
    let pair = BlockPlan.gated(
      hidden: 4, heads: 2, kvHeads: 2, headDimension: 2, intermediate: 4
    ).scalePairs[0]
    var gains: [Float] = [0, 2, -2, 1]
    let fold = ScaleFold([3, 1e-6, 1e12, 2], over: pair, dividing: &gains, as: .f16)
    #expect(gains == [0, 65504, -0x1p-24, 0.5])
    #expect(fold.targetScales == [1, 2 / 65504, 0x1p25, 2])
    var tiny: [Float] = [1e-30, 1e30, 1, 1]
    let float = ScaleFold([1e30, 1e-30, 1, 1], over: pair, dividing: &tiny, as: .f32)
    #expect(tiny == [1e-30, 1e30, 1, 1])
    #expect(float.targetScales == [1, 1, 1, 1])
  }

  @Test func rowsAndColumnsCancel() {
    var generator = SeededGenerator(seed: 31)
    // v and o: once with as many KV heads as heads, once tied over three query heads each.
    let plain = BlockPlan.gated(
      hidden: 24, heads: 6, kvHeads: 6, headDimension: 4, intermediate: 16
    ).scalePairs[1]
    for pair in [plain, Self.pairs[1]] {
      let inputs = 7
      let (v, bias) = (generator.normals(pair.channels * inputs), generator.normals(pair.channels))
      let o = generator.normals(5 * 24)
      let raw = generator.normals(24).map { $0.magnitude + 0.2 }
      let fold = ScaleFold(pair.tied(raw), over: pair)
      var (newV, newBias, newO) = (v, bias, o)
      fold.divideRows(of: &newV)
      fold.divide(&newBias)
      fold.multiplyColumns(of: &newO)
      #expect(newV != v)
      #expect(newO != o)
      func product(_ o: [Float], _ v: [Float], _ bias: [Float], _ row: Int, _ input: Int) -> Double
      {
        (0..<24).reduce(0) { sum, channel in
          let source = channel / 4 / pair.repeats * 4 + channel % 4
          let value = Double(v[source * inputs + input]) + Double(bias[source])
          return sum + Double(o[row * 24 + channel]) * value
        }
      }
      for row in 0..<5 {
        for input in 0..<inputs {
          let before = product(o, v, bias, row, input)
          #expect(abs(product(newO, newV, newBias, row, input) - before) < 1e-5)
        }
      }
    }
  }

  @Test func tyingIsAMeanOverQueryHeads() {
    let values = (0..<24).map(Float.init)
    #expect(Self.pairs[0].tied(values) == values)
    let tied = Self.pairs[1].tied(values)
    for channel in 0..<24 {
      // Query heads 0 to 2 read KV head 0: channels 0, 4 and 8 are read together.
      #expect(tied[channel] == Float(channel / 12 * 12 + channel % 4 + 4))
    }
  }
}
