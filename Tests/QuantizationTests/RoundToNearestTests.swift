import Models
import Platform
import Quantization
import Tensors
import Testing

@Suite struct RoundToNearestTests {
  static let grains: [WeightFormat.Granularity] = [.tensor, .channel, .group(size: 16)]

  @Test(arguments: GridTests.forms) func roundsEveryGroupOnItsOwn(_ grid: Grid) throws {
    let (rows, columns) = (6, 48)
    let values = Samples.weights(count: rows * columns, seed: 31, shape: 1)
    for granularity in Self.grains {
      let format = WeightFormat(
        code: .integer(bits: grid.bits), granularity: granularity, isSymmetric: grid.isSymmetric)
      let outcome = try RoundToNearest.quantize(
        weight(values, rows, columns), as: format,
        .init(grid: grid.convention, scaleType: .f32), layer: "w")
      #expect(outcome.fallback == nil)
      let found = outcome.weight.dequantized()
      let size = granularity == .tensor ? rows * columns : format.groupSize(columns: columns)
      for first in stride(from: 0, to: rows * columns, by: size) {
        let group = Array(values[first..<first + size])
        let range = try #require(Samples.range(group))
        let expected = Samples.rounded(group, grid, grid.parameters(of: range))
        #expect(Array(found[first..<first + size]) == expected)
      }
    }
  }

  @Test func doesNotDependOnThreads() throws {
    let (rows, columns) = (700, 256)
    let values = Samples.weights(count: rows * columns, seed: 8, shape: 1)
    let format = WeightFormat(code: .integer(bits: 4), granularity: .group(size: 64))
    let source = try weight(values, rows, columns)
    let alone = try RoundToNearest.quantize(source, as: format, .init(grid: .gptq), layer: "w")
    let shared = try RoundToNearest.quantize(
      source, as: format, .init(grid: .gptq), layer: "w", pool: WorkerPool(threads: 3))
    #expect(alone.weight.codes == shared.weight.codes)
    #expect(alone.weight.scales == shared.weight.scales)
  }

  @Test func searchedRangesHaveNoMoreError() throws {
    let (rows, columns) = (8, 128)
    let values = Samples.weights(count: rows * columns, seed: 4, shape: 0)
    for granularity in Self.grains {
      let format = WeightFormat(
        code: .integer(bits: 3), granularity: granularity, isSymmetric: false)
      func error(_ searches: Bool) throws -> Float {
        let outcome = try RoundToNearest.quantize(
          weight(values, rows, columns), as: format, .init(grid: .gptq, searchesRange: searches),
          layer: "w")
        return zip(values, outcome.weight.dequantized()).reduce(0) {
          $0 + ($1.0 - $1.1) * ($1.0 - $1.1)
        }
      }
      #expect(try error(true) < error(false) * 0.98)
    }
  }

  @Test func placesOfValuesThatAreNotFiniteAreNamed() throws {
    let (rows, columns) = (300, 512)
    for granularity in Self.grains {
      var values = Samples.weights(count: rows * columns, seed: 2, shape: 0)
      values[257 * columns + 19] = .infinity
      values[290 * columns + 1] = .nan
      let format = WeightFormat(code: .integer(bits: 4), granularity: granularity)
      #expect(
        throws: QuantizationError.notFinite(
          layer: "block 2 down", row: 257, column: 19, value: .infinity)
      ) {
        try RoundToNearest.quantize(
          weight(values, rows, columns), as: format, .init(grid: .gptq), layer: "block 2 down",
          pool: WorkerPool(threads: 2))
      }
    }
  }

  @Test(
    arguments: [
      (192, 128, 64), (192, 64, 64), (576, 128, 64), (320, 128, 64),
      (64, 128, 64), (7, 4, nil), (36, 32, nil),
      (100, 0, nil),
      (100, -3, nil), (96, 40, 32), (100, Int.max, nil),
    ] as [(Int, Int, Int?)])
  func groupsThatDoNotDivideNameTheNearest(columns: Int, group: Int, nearest: Int?) throws {
    #expect(RoundToNearest.nearestGroup(group, columns: columns) == nearest)
    // What is advised is what the option takes.
    if let nearest {
      #expect(throws: Never.self) { try RecipeText.choice("rtn:4:\(nearest)", target: .weights) }
    }
    guard group < 1 || columns % group != 0 else { return }
    #expect(
      throws: QuantizationError.groupDoesNotDivide(
        layer: "q", columns: columns, group: group, nearest: nearest)
    ) {
      try RoundToNearest.checkGroup(group, columns: columns, layer: "q")
    }
  }

  @Test func halfPrecisionScalesThatVanishBecomeBF16() throws {
    let format = WeightFormat(code: .integer(bits: 4), granularity: .channel)
    let tiny = Samples.weights(count: 128, seed: 6, shape: 0).map { $0 * 1e-7 }
    let outcome = try RoundToNearest.quantize(
      weight(tiny, 2, 64), as: format, .init(grid: .gptq), layer: "w")
    #expect(outcome.scaleType == .bf16)
    #expect(outcome.fallback?.contains("BF16") == true)
    #expect(outcome.weight.scales.allSatisfy { ScaleType.bf16.rounded($0) == $0 })
    let huge = tiny.map { $0 * 1e16 }
    let other = try RoundToNearest.quantize(
      weight(huge, 2, 64), as: format, .init(grid: .gptq), layer: "w")
    #expect(other.scaleType == .bf16)
    for (values, result) in [(tiny, outcome), (huge, other)] {
      for (index, value) in result.weight.dequantized().enumerated() {
        #expect(abs(value - values[index]) <= 0.51 * result.weight.scales[index / 64])
      }
    }
    // One tiny channel among ordinary ones stays FP16: what it loses is nothing compared with them.
    let mixed = Array(tiny[..<64]) + Samples.weights(count: 64, seed: 1, shape: 0)
    let kept = try RoundToNearest.quantize(
      weight(mixed, 2, 64), as: format, .init(grid: .gptq), layer: "w")
    #expect(kept.scaleType == .f16)
    #expect(kept.fallback == nil)
    #expect(kept.weight.scales[0] > 0)
  }

  @Test func emptyWeightsAreNoError() throws {
    for granularity in Self.grains {
      let format = WeightFormat(code: .integer(bits: 4), granularity: granularity)
      let outcome = try RoundToNearest.quantize(
        weight([], 0, 64), as: format, .init(grid: .gptq), layer: "w")
      #expect(outcome.weight.rows == 0)
    }
  }

  private func weight(_ values: [Float], _ rows: Int, _ columns: Int) throws -> DenseWeight {
    try DenseWeight(TensorView(dtype: .f32, shape: Shape([rows, columns]), copying: values))
  }
}
