import Platform
import Quantization
import Tensors
import Testing

@Suite struct ScaledFloatRoundingTests {
  private func weight(_ rows: Int, _ columns: Int, seed: UInt64 = 1) throws -> DenseWeight {
    try DenseWeight(
      TensorView(
        dtype: .f32, shape: Shape(checking: [rows, columns]),
        copying: Samples.weights(count: rows * columns, seed: seed, shape: 1)))
  }

  @Test(arguments: [DType.f8e4m3, .f8e5m2]) func scalesAndCodesByHand(type: DType) throws {
    let source = try weight(150, 200)
    let values = source.dequantized()
    let largest = type == .f8e4m3 ? FloatFormats.largestE4M3 : FloatFormats.largestE5M2
    let grains: [WeightFormat.Granularity] = [
      .tensor, .channel, .block(rows: 128, columns: 128), .block(rows: 64, columns: 96),
    ]
    for grain in grains {
      let found = try ScaledFloatRounding.quantize(
        source, as: WeightFormat(code: .scaledFloat(type: type), granularity: grain), layer: "W",
        pool: WorkerPool(threads: 2))
      var maxima: [Int: Float] = [:]
      func place(_ row: Int, _ column: Int) -> Int {
        switch grain {
        case .tensor: 0
        case .channel, .group: row
        case .block(let height, let width):
          row / height * ((200 + width - 1) / width) + column / width
        }
      }
      for (index, value) in values.enumerated() {
        let place = place(index / 200, index % 200)
        maxima[place] = max(maxima[place] ?? 0, value.magnitude)
      }
      #expect(found.scales == maxima.sorted { $0.key < $1.key }.map { $0.value / largest })
      let rounded = found.dequantized()
      for (index, value) in values.enumerated() {
        let scale = found.scales[place(index / 200, index % 200)]
        let code =
          type == .f8e4m3
          ? FloatFormats.float(e4m3: FloatFormats.e4m3(value / scale))
          : FloatFormats.float(e5m2: FloatFormats.e5m2(value / scale))
        #expect(rounded[index] == code * scale)
      }
    }
  }

  @Test func threadsDoNotMatter() throws {
    let source = try weight(300, 130)
    let format = WeightFormat(
      code: .scaledFloat(type: .f8e4m3), granularity: .block(rows: 128, columns: 128))
    let one = try ScaledFloatRounding.quantize(source, as: format, layer: "W")
    let many = try ScaledFloatRounding.quantize(
      source, as: format, layer: "W", pool: WorkerPool(threads: 4))
    #expect(one.codes == many.codes && one.scales == many.scales)
    #expect(one.scales.count == 3 * 2)
  }

  @Test func zerosAndInfinities() throws {
    let format = WeightFormat(code: .scaledFloat(type: .f8e4m3), granularity: .channel)
    let zeros = try DenseWeight(
      TensorView(dtype: .f32, shape: [2, 3], copying: [Float](repeating: 0, count: 6)))
    let found = try ScaledFloatRounding.quantize(zeros, as: format, layer: "W")
    #expect(found.scales.allSatisfy { $0 > 0 } && found.dequantized().allSatisfy { $0 == 0 })
    let bad = try DenseWeight(
      TensorView(dtype: .f32, shape: [2, 2], copying: [Float(1), 2, 3, .nan]))
    #expect {
      _ = try ScaledFloatRounding.quantize(bad, as: format, layer: "block 3 down")
    } throws: { "\($0)".contains("block 3 down") && "\($0)".contains("row 1, column 1") }
  }
}
