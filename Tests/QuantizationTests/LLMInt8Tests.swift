import Platform
import Quantization
import Tensors
import Testing

@Suite struct LLMInt8Tests {
  private static let columns = 48
  private let inputs: [Float]
  private let weights: [Float]

  init() {
    var generator = SeededGenerator(seed: 5)
    inputs = (0..<20 * Self.columns).map {
      Float(generator.normal()) * ($0 % Self.columns == 11 ? 20 : 1)
    }
    weights = (0..<10 * Self.columns).map { _ in Float(generator.normal()) * 0.05 }
  }

  private func encoded(
    _ threshold: Float, _ excluding: LLMInt8.Exclusion = .values
  ) -> LLMInt8.Inputs {
    LLMInt8.encode(inputs, columns: Self.columns, threshold: threshold, excluding: excluding)
  }

  @Test func withoutAThresholdItIsPlainINT8() {
    let plain = TokenGrid.runtime.encode(inputs, columns: Self.columns)
    for threshold in [Float(0), .infinity] {
      let coded = encoded(threshold)
      #expect(coded.outliers.isEmpty)
      // The reciprocal is rounded otherwise: codes differ by one at most, and seldom.
      let differing = zip(coded.codes, plain.codes).filter { $0 != $1 }
      #expect(differing.count <= 2)
      #expect(zip(coded.maxima, plain.scales).allSatisfy { abs($0 / 127 - $1) <= $1 * 1e-6 })
    }
  }

  @Test func outliersGrowAsTheThresholdFalls() {
    var last = Set<Int>()
    for threshold in [Float(30), 6, 3, 2, 1] {
      let outliers = Set(encoded(threshold).outliers)
      #expect(outliers.isSuperset(of: last))
      last = outliers
    }
    #expect(encoded(6).outliers == [11])
    #expect(encoded(6).codes.enumerated().allSatisfy { $0 % Self.columns != 11 || $1 == 0 })
  }

  @Test func valuesOrWholeColumnsAreLeftOut() {
    let small: [Float] = [1, 5, 2, 9]
    let values = LLMInt8.encode(small, columns: 2, threshold: 6)
    #expect(values.outliers == [1] && values.maxima == [5, 2])
    let columns = LLMInt8.encode(small, columns: 2, threshold: 6, excluding: .columns)
    #expect(columns.maxima == [1, 2])
  }

  @Test func fullWeightsForOutliersLessenTheError() throws {
    let weight = try DenseWeight(
      TensorView(dtype: .f32, shape: [10, Self.columns], copying: weights))
    let rounded = try LLMInt8.quantize(weight, layer: "W")
    var codes = [UInt8](repeating: 0, count: weights.count)
    rounded.unpack(rows: 0..<10, into: &codes)
    let maxima = LLMInt8.rowMaxima(of: weights, columns: Self.columns)
    func error(_ coded: LLMInt8.Inputs, _ outlierWeights: [Float]) -> Double {
      let found = LLMInt8.product(
        inputs, coded: coded, codes: codes.map { Int8(Int($0) - 128) }, maxima: maxima,
        weights: outlierWeights, columns: Self.columns)
      var sum = 0.0
      for (index, value) in found.enumerated() {
        let (token, row) = (index / 10, index % 10)
        let exact = (0..<Self.columns).reduce(0.0) {
          $0 + Double(inputs[token * Self.columns + $1]) * Double(weights[row * Self.columns + $1])
        }
        sum += (value - exact) * (value - exact)
      }
      return sum
    }
    let plain = error(encoded(0), weights)
    let decoded = error(encoded(6), rounded.dequantized())
    let full = error(encoded(6, .columns), weights)
    #expect(full < decoded && decoded < plain, "\(full), \(decoded), \(plain)")
  }

  @Test func rowsOfZerosAndBadWeights() throws {
    func weight(_ values: [Float]) throws -> DenseWeight {
      try DenseWeight(TensorView(dtype: .f32, shape: [2, 2], copying: values))
    }
    #expect(try LLMInt8.quantize(weight([0, 0, 1, -2]), layer: "W").dequantized()[0] == 0)
    #expect(throws: QuantizationError.self) {
      try LLMInt8.quantize(weight([0, .infinity, 1, 2]), layer: "W")
    }
  }
}
